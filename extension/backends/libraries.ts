/**
 * Finds TensorRT libraries on this machine and tries each in a throwaway process.
 *
 * Loading a foreign library runs its code: one that is broken, or belongs to another driver, can end the process. So none is
 * opened in the worker before a child process opened it, made a builder and said what it can do. What kills the child
 * is a reason in `probe`'s answer, not a crash. Comes before `tensorrt.ts`.
 */
import { execFile, type ExecFileException } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { installables, rtxLibraryFolder } from '../build/install/packages';
import { packageFolder } from '../build/install/installPackage';
import { flavourPath, type NativeDescription, type NativePaths } from './nativeAddon';

export type EngineBackendName = 'tensorrt' | 'tensorrt-rtx';

/** A TensorRT library with its parser, not yet opened. */
export interface FoundLibrary {
  readonly backend: EngineBackendName;
  readonly infer: string;
  readonly parser: string;
  /** The flavour of our engine code that serves it: `rtx`, `11`, `10`, `8`. */
  readonly flavour: string;
  /** Which step of the search found it, for `probe`. */
  readonly from: SearchStep;
}

export interface SearchContext {
  readonly environment: NodeJS.ProcessEnv;
  /** A folder or library that the user named in a setting. */
  readonly setting?: string | null;
  /** Where the workspace's Python environments are looked for. */
  readonly workspace?: string;
  /** The tool's own folder; default as `toolHome()`. */
  readonly home?: string;
}

/** A step of the search, in order. */
export const searchSteps = [
  'setting',
  'environment',
  'loader path',
  'ldconfig',
  'SDK folders',
  'Python environments',
  'install',
] as const;
export type SearchStep = (typeof searchSteps)[number];

interface SearchFolder {
  readonly path: string;
  readonly from: SearchStep;
  /** The only library wanted of the folder, where the user named one. */
  readonly only?: string;
}

/** The variable by which the front ends tell the worker the user's setting or `--tensorrt-library`. */
export const librarySetting = 'PRECISION_BENCH_TENSORRT';
/** The same for the folder whose Python environments are searched; default the current one. */
export const workspaceSetting = 'PRECISION_BENCH_WORKSPACE';

/** File names of a library and of the parser beside it. */
interface Naming {
  readonly backend: EngineBackendName;
  readonly infer: RegExp;
  readonly parser: (infer: string) => string;
}

const namings: readonly Naming[] =
  process.platform === 'win32'
    ? [
        {
          backend: 'tensorrt-rtx',
          infer: /^tensorrt_rtx_1_\d+\.dll$/,
          parser: (infer) => infer.replace('tensorrt_', 'tensorrt_onnxparser_'),
        },
        {
          // TensorRT 8 has no version in its name.
          backend: 'tensorrt',
          infer: /^nvinfer(?:_\d+)?\.dll$/,
          parser: (infer) => infer.replace('nvinfer', 'nvonnxparser'),
        },
      ]
    : [
        {
          backend: 'tensorrt-rtx',
          infer: /^libtensorrt_rtx\.so\.1$/,
          parser: (infer) => infer.replace('tensorrt_', 'tensorrt_onnxparser_'),
        },
        {
          backend: 'tensorrt',
          infer: /^libnvinfer\.so\.\d+$/,
          parser: (infer) => infer.replace('nvinfer', 'nvonnxparser'),
        },
      ];

/** Every library found, in the order in which they should be tried; one that several steps find stands once. */
export async function findLibraries(backend: EngineBackendName, context: SearchContext): Promise<FoundLibrary[]> {
  const found: FoundLibrary[] = [];
  for (const { libraries } of await searchLibraries(context)) {
    for (const library of libraries) if (library.backend === backend) found.push(library);
  }
  return found;
}

/** What one step of the search looked at and found, for `probe`. */
export interface SearchResult {
  readonly step: SearchStep;
  /** Folders looked into, those that exist and those that do not. */
  readonly folders: readonly { readonly path: string; readonly exists: boolean }[];
  /** Libraries that no earlier step had found. */
  readonly libraries: readonly FoundLibrary[];
}

/** The whole search, step by step. */
export async function searchLibraries(context: SearchContext): Promise<SearchResult[]> {
  const known = new Set<string>();
  const folders = await searchFolders(context);
  const results: SearchResult[] = [];
  for (const step of searchSteps) {
    const own = folders.filter(({ from }) => from === step);
    const libraries: FoundLibrary[] = [];
    for (const folder of own) {
      for (const library of await librariesIn(folder)) {
        // The same file under two names is one library.
        const file = await realpath(library.infer).catch(() => library.infer);
        if (known.has(file)) continue;
        known.add(file);
        libraries.push(library);
      }
    }
    const looked = own.map(({ path }) => ({ path, exists: existsSync(path) }));
    results.push({ step, folders: looked, libraries });
  }
  return results;
}

/** The folders searched, in the order of the steps, each once. */
export async function searchFolders(context: SearchContext): Promise<SearchFolder[]> {
  const { environment } = context;
  const folders: SearchFolder[] = [];
  const add = (from: SearchStep, ...paths: (string | null | undefined)[]): void => {
    for (const path of paths) {
      if (!path || folders.some((folder) => folder.path === resolve(path))) continue;
      folders.push({ path: resolve(path), from });
    }
  };
  const setting = context.setting ?? environment[librarySetting];
  if (setting && isLibrary(setting)) {
    folders.push({ path: resolve(dirname(setting)), from: 'setting', only: basename(setting) });
  } else if (setting) add('setting', setting, ...sdkRootFolders(setting));
  for (const name of ['TENSORRT_ROOT', 'TENSORRT_RTX_ROOT']) {
    const root = environment[name];
    if (root) add('environment', root, ...sdkRootFolders(root));
  }
  const pathVariable = process.platform === 'win32' ? 'PATH' : 'LD_LIBRARY_PATH';
  add('loader path', ...(environment[pathVariable] ?? '').split(delimiter));
  add('ldconfig', ...(await loaderCacheFolders()));
  add('SDK folders', ...(await sdkFolders(environment)));
  for (const site of await pythonSites(context)) {
    for (const name of ['tensorrt_libs', rtxLibraryFolder, 'tensorrt']) add('Python environments', join(site, name));
  }
  for (const { package: pack, libraryFolder } of installables(`${process.platform}-${process.arch}`)) {
    add('install', join(packageFolder(pack, context.home), libraryFolder));
  }
  return folders;
}

/** A setting names a library, the folder that holds it, or the root of an SDK. */
function isLibrary(setting: string): boolean {
  return /\.(?:so(?:\.[\d.]+)?|dll)$/.test(setting);
}

function sdkRootFolders(root: string): string[] {
  return [join(root, 'lib'), join(root, 'bin'), join(root, 'targets', gnuTriple(), 'lib')];
}

/** The libraries of one folder, the newest first. */
export async function librariesIn(folder: SearchFolder): Promise<FoundLibrary[]> {
  const names: string[] = await readdir(folder.path).catch(() => []);
  const found: FoundLibrary[] = [];
  for (const { backend, infer: pattern, parser } of namings) {
    const matching = names.filter((name) => pattern.test(name) && isWanted(name, folder.only));
    const newestFirst = matching.sort((a, b) => majorIn(b) - majorIn(a));
    for (const name of newestFirst) {
      if (!names.includes(parser(name))) continue;
      found.push({
        backend,
        infer: join(folder.path, name),
        parser: join(folder.path, parser(name)),
        flavour: backend === 'tensorrt-rtx' ? 'rtx' : String(majorIn(name)),
        from: folder.from,
      });
    }
  }
  return found;
}

/** `libnvinfer.so.10` is wanted by its own name, by `libnvinfer.so.10.6.0` and by `libnvinfer.so`. */
function isWanted(name: string, only: string | undefined): boolean {
  return only === undefined || only.startsWith(name) || name.startsWith(only);
}

function majorIn(name: string): number {
  return Number(/\.so\.(\d+)$|_(\d+)\.dll$/.exec(name)?.slice(1).find(Boolean) ?? 8);
}

function gnuTriple(): string {
  return process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
}

/** Where NVIDIA's packages and archives put TensorRT on this system. */
async function sdkFolders(environment: NodeJS.ProcessEnv): Promise<string[]> {
  if (process.platform === 'win32') {
    const programs = environment['ProgramFiles'] ?? 'C:\\Program Files';
    const roots = [
      ...(await named('C:\\', /^TensorRT/i)),
      ...(await named(join(programs, 'NVIDIA GPU Computing Toolkit'), /^TensorRT/i)),
      ...(await named(join(programs, 'NVIDIA'), /^TensorRT/i)),
    ];
    return roots.flatMap((root) => [join(root, 'bin'), join(root, 'lib')]);
  }
  const cudaTarget = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux';
  const home = environment['HOME'] ?? '/root';
  const roots = [
    ...(await named('/usr/local', /^TensorRT/i)),
    ...(await named('/opt', /^TensorRT/i)),
    ...(await named('/opt/nvidia', /^TensorRT/i)),
    ...(await named(home, /^TensorRT/i)),
  ];
  return [
    // Debian packages, and with them JetPack's.
    `/usr/lib/${gnuTriple()}`,
    ...(process.arch === 'arm64' ? [`/usr/lib/${gnuTriple()}/tegra`, `/usr/lib/${gnuTriple()}/nvidia`] : []),
    '/usr/lib64',
    ...roots.map((root) => join(root, 'lib')),
    '/usr/local/cuda/lib64',
    `/usr/local/cuda/targets/${cudaTarget}/lib`,
  ];
}

async function named(parent: string, pattern: RegExp): Promise<string[]> {
  const names = await readdir(parent).catch(() => []);
  // The newest version first.
  return names
    .filter((name) => pattern.test(name))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(parent, name));
}

/** What the loader's cache held when it was last read, by the cache's time of writing: to list it takes a process. */
let loaderCache: { readonly written: bigint; readonly folders: string[] } | null = null;

/** Folders in which the system's loader knows a TensorRT. */
async function loaderCacheFolders(): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  const written = await stat('/etc/ld.so.cache', { bigint: true }).then(
    ({ mtimeNs }) => mtimeNs,
    () => null,
  );
  if (written !== null && loaderCache?.written === written) return loaderCache.folders;
  const folders = await listLoaderCache();
  if (written !== null) loaderCache = { written, folders };
  return folders;
}

async function listLoaderCache(): Promise<string[]> {
  const listing = await new Promise<string>((done) => {
    execFile('/sbin/ldconfig', ['-p'], { timeout: 5000 }, (error, stdout) => {
      done(error === null ? stdout : '');
    });
  });
  const paths = [...listing.matchAll(/=> (\S*(?:libnvinfer|libtensorrt_rtx)\.so\S*)/g)].map((match) => match[1] ?? '');
  return [...new Set(paths.map((path) => dirname(path)))];
}

/** Folders of Python packages: the active environment's, those of the workspace, the user's, the system's. */
async function pythonSites({ environment, workspace }: SearchContext): Promise<string[]> {
  const folder = workspace ?? environment[workspaceSetting] ?? process.cwd();
  const roots = [
    environment['VIRTUAL_ENV'],
    environment['CONDA_PREFIX'],
    ...['.venv', 'venv', '.env', 'env', '.conda'].map((name) => join(folder, name)),
    environment['HOME'] === undefined ? undefined : join(environment['HOME'], '.local'),
  ].filter((root): root is string => !!root);
  const sites: string[] = [];
  for (const root of roots) sites.push(...(await sitePackages(root)));
  if (process.platform === 'linux') sites.push('/usr/lib/python3/dist-packages', ...(await distPackages()));
  return sites;
}

async function sitePackages(root: string): Promise<string[]> {
  if (process.platform === 'win32') return [join(root, 'Lib', 'site-packages')];
  const versions = await readdir(join(root, 'lib')).catch(() => []);
  return versions.filter((name) => name.startsWith('python')).map((name) => join(root, 'lib', name, 'site-packages'));
}

async function distPackages(): Promise<string[]> {
  const versions = await readdir('/usr/local/lib').catch(() => []);
  return versions
    .filter((name) => name.startsWith('python'))
    .flatMap((name) => ['dist-packages', 'site-packages'].map((kind) => join('/usr/local/lib', name, kind)));
}

/** What trying a library gave. */
export type LibraryProbe =
  | { readonly library: FoundLibrary; readonly paths: NativePaths; readonly description: NativeDescription }
  | {
      readonly library: FoundLibrary;
      readonly description: null;
      readonly reason: string;
      /** It loads, and what keeps it from more is the lack of a GPU. */
      readonly needsGpu: boolean;
    };

const probeTimeoutMs = 120_000;

/** Runs in the child: opens the library through the addon and prints what it says as the last line. */
const probeProgram = `
const [addonPath, paths] = JSON.parse(process.argv[1]);
const module_ = { exports: {} };
let answer;
try {
  process.dlopen(module_, addonPath);
  answer = { description: new module_.exports.TensorRT(paths).describe() };
} catch (error) {
  answer = { reason: error.message };
}
require('fs').writeSync(1, '\\n' + JSON.stringify(answer) + '\\n');
process.exit(0);
`;

/**
 * Tries a library in a process of its own.
 *
 * @param addonPath the addon that this process has loaded
 */
export async function probeLibrary(library: FoundLibrary, addonPath: string): Promise<LibraryProbe> {
  const flavour = flavourPath(addonPath, library.flavour);
  if (flavour === null) {
    const reason = `The native module was built without support for TensorRT ${library.flavour}.`;
    return { library, description: null, reason, needsGpu: false };
  }
  const paths: NativePaths = { flavour, infer: library.infer, parser: library.parser };
  const answer = await runProbe(JSON.stringify([addonPath, paths]));
  if ('description' in answer) return { library, paths, description: answer.description };
  const needsGpu = answer.reason === needsGpuReason;
  return { library, description: null, reason: `${library.infer}: ${answer.reason}`, needsGpu };
}

type ProbeAnswer = { readonly description: NativeDescription } | { readonly reason: string };

async function runProbe(argument: string): Promise<ProbeAnswer> {
  return new Promise((done) => {
    const options = {
      // In the editor, process.execPath is Electron; options for debugging this process are not for the child.
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '' },
      timeout: probeTimeoutMs,
      killSignal: 'SIGKILL' as const,
      windowsHide: true,
      maxBuffer: 16 * 1024 * 1024,
    };
    execFile(process.execPath, ['-e', probeProgram, argument], options, (error, stdout, stderr) => {
      const last = stdout.trimEnd().split('\n').at(-1) ?? '';
      if (error === null && last.startsWith('{')) done(JSON.parse(last) as ProbeAnswer);
      else done({ reason: describeDeath(error, stderr) });
    });
  });
}

const needsGpuReason = 'It needs an NVIDIA GPU with its driver.';

function describeDeath(error: ExecFileException | null, stderr: string): string {
  // TensorRT 10 throws where it must not when there is no driver, and takes the process with it.
  if (/CUDA initialization failure/.test(stderr)) return needsGpuReason;
  const words = stderr.trim().split('\n').at(-1);
  const said = words ? ` It said: ${words}` : '';
  if (error?.killed) return `Loading it did not end within ${probeTimeoutMs / 1000} s.`;
  if (error?.signal) return `Loading it crashed the process that tried it (${error.signal}).${said}`;
  return `Loading it ended the process that tried it (exit code ${error?.code ?? 0}).${said}`;
}

/** The version as users know it, from `getInferLibVersion`. */
export function versionText(version: number): string {
  // Before TensorRT 10 the minor version had a single digit.
  const unit = version >= 10_000 ? 10_000 : 1000;
  return [Math.floor(version / unit), Math.floor((version % unit) / 100), version % 100].join('.');
}
