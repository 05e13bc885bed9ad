/**
 * Finds TensorRT libraries on this machine and tries each in a throwaway process.
 *
 * Loading a foreign library runs its code: one that is broken, or belongs to another driver, can end the process. So none is
 * opened in the worker before a child process opened it, made a builder and said what it can do. What kills the child
 * is a reason in `probe`'s answer, not a crash. Comes before `tensorrt.ts`.
 */
import { execFile, type ExecFileException } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { rtxLibraryFolder, tensorrtRtx } from '../build/install/packages';
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
  readonly from: string;
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

interface SearchFolder {
  readonly path: string;
  readonly from: string;
}

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
          backend: 'tensorrt',
          infer: /^nvinfer_\d+\.dll$/,
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
  for (const folder of await searchFolders(context)) {
    for (const library of await librariesIn(folder)) {
      const known = found.some(({ infer }) => infer === library.infer);
      if (library.backend === backend && !known) found.push(library);
    }
  }
  return found;
}

/**
 * The folders searched, in order: setting, environment, loader path, the system's loader, SDK folders, Python
 * environments, what `install` fetched.
 */
export async function searchFolders(context: SearchContext): Promise<SearchFolder[]> {
  const { environment } = context;
  const folders: SearchFolder[] = [];
  const add = (from: string, ...paths: (string | null | undefined)[]): void => {
    for (const path of paths) if (path) folders.push({ path: resolve(path), from });
  };
  if (context.setting) add('setting', context.setting, join(context.setting, 'lib'), dirname(context.setting));
  for (const name of ['TENSORRT_ROOT', 'TENSORRT_RTX_ROOT']) {
    const root = environment[name];
    if (root) add(name, root, join(root, 'lib'), join(root, 'bin'), join(root, 'targets', gnuTriple(), 'lib'));
  }
  const pathVariable = process.platform === 'win32' ? 'PATH' : 'LD_LIBRARY_PATH';
  add(pathVariable, ...(environment[pathVariable] ?? '').split(delimiter));
  add('ldconfig', ...(await loaderCacheFolders()));
  add('SDK folder', ...sdkFolders());
  for (const root of pythonRoots(context)) {
    for (const name of ['tensorrt_libs', rtxLibraryFolder]) {
      add('Python environment', ...(await sitePackages(root)).map((folder) => join(folder, name)));
    }
  }
  const installed = tensorrtRtx(`${process.platform}-${process.arch}`);
  if (installed !== null) add('install', join(packageFolder(installed, context.home), rtxLibraryFolder));
  return folders;
}

async function librariesIn(folder: SearchFolder): Promise<FoundLibrary[]> {
  const names: string[] = await readdir(folder.path).catch(() => []);
  const found: FoundLibrary[] = [];
  for (const { backend, infer: pattern, parser } of namings) {
    const newestFirst = names.filter((name) => pattern.test(name)).sort((a, b) => majorIn(b) - majorIn(a));
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

function majorIn(name: string): number {
  return Number(/\.so\.(\d+)$|_(\d+)\.dll$/.exec(name)?.slice(1).find(Boolean) ?? 0);
}

function gnuTriple(): string {
  return process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
}

function sdkFolders(): string[] {
  if (process.platform === 'win32') return ['C:\\Program Files\\NVIDIA GPU Computing Toolkit\\TensorRT\\bin'];
  return [
    `/usr/lib/${gnuTriple()}`,
    '/usr/local/tensorrt/lib',
    '/opt/tensorrt/lib',
    '/opt/nvidia/tensorrt/lib',
    '/usr/local/cuda/lib64',
  ];
}

/** Folders in which the system's loader knows a TensorRT. */
async function loaderCacheFolders(): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  const listing = await new Promise<string>((done) => {
    execFile('/sbin/ldconfig', ['-p'], { timeout: 5000 }, (error, stdout) => {
      done(error === null ? stdout : '');
    });
  });
  const paths = [...listing.matchAll(/=> (\S*(?:libnvinfer|libtensorrt_rtx)\.so\S*)/g)].map((match) => match[1] ?? '');
  return [...new Set(paths.map((path) => dirname(path)))];
}

function pythonRoots({ environment, workspace = process.cwd() }: SearchContext): string[] {
  const active = [environment['VIRTUAL_ENV'], environment['CONDA_PREFIX']];
  return [...active, join(workspace, '.venv'), join(workspace, 'venv')].filter((root): root is string => !!root);
}

async function sitePackages(root: string): Promise<string[]> {
  if (process.platform === 'win32') return [join(root, 'Lib', 'site-packages')];
  const versions = await readdir(join(root, 'lib')).catch(() => []);
  return versions.filter((name) => name.startsWith('python')).map((name) => join(root, 'lib', name, 'site-packages'));
}

/** What trying a library gave. */
export type LibraryProbe =
  | { readonly library: FoundLibrary; readonly paths: NativePaths; readonly description: NativeDescription }
  | { readonly library: FoundLibrary; readonly description: null; readonly reason: string };

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
    return { library, description: null, reason };
  }
  const paths: NativePaths = { flavour, infer: library.infer, parser: library.parser };
  const answer = await runProbe(JSON.stringify([addonPath, paths]));
  if ('description' in answer) return { library, paths, description: answer.description };
  return { library, description: null, reason: `${library.infer}: ${answer.reason}` };
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

function describeDeath(error: ExecFileException | null, stderr: string): string {
  // TensorRT 10 throws where it must not when there is no driver, and takes the process with it.
  if (/CUDA initialization failure/.test(stderr)) return 'It needs an NVIDIA GPU with its driver.';
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
