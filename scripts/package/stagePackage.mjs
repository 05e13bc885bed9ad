/** Puts the contents of the package for one platform into a folder; `vsce` zips it (`scripts/package.mjs`). */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../setup/importTypeScript.mjs';
import { thirdPartyLicences } from './thirdPartyLicences.mjs';

/** Files and folders of the repository that go in as they are. */
const contents = ['README.md', 'CHANGELOG.md', 'LICENSE', 'schemas', 'l10n', 'media'];
const host = `${process.platform}-${process.arch}`;

/** What the folder media/ holds for the repository's own pages. */
const isForRepository = (file) => /[\\/]media[\\/]screenshots\b/.test(file);
/** Source maps are larger than what they map. */
const isForDevelopers = (file) => /\.(map|d\.ts)$/.test(file);

/**
 * @param {string} folder an empty folder
 * @param {string} target `linux-x64`
 * @returns {Promise<{native: boolean}>} whether the native module is in it
 */
export async function stagePackage(folder, target) {
  writeManifest(folder);
  // The folder holds what belongs in, and nothing else.
  writeFileSync(path.join(folder, '.vscodeignore'), '');
  for (const name of [...contents, ...translations()]) {
    const source = path.join(projectRoot, name);
    if (existsSync(source)) {
      cpSync(source, path.join(folder, name), { recursive: true, filter: (file) => !isForRepository(file) });
    }
  }
  const isCode = (file) => !isForDevelopers(file) && !/[\\/]dist[\\/](native|node_modules|playground)\b/.test(file);
  cpSync(path.join(projectRoot, 'dist'), path.join(folder, 'dist'), { recursive: true, filter: isCode });
  copyRuntime(path.join(folder, 'dist', 'node_modules'), target);
  writeFileSync(path.join(folder, 'THIRD_PARTY_LICENCES.txt'), await thirdPartyLicences(projectRoot));
  return { native: copyNative(path.join(folder, 'dist', 'native', target), target) };
}

function translations() {
  return readdirSync(projectRoot).filter((name) => /^package\.nls(\..+)?\.json$/.test(name));
}

/** package.json without what only developers need; what is bundled is no dependency any more. */
function writeManifest(folder) {
  const manifest = JSON.parse(readFileSync(path.join(projectRoot, 'package.json'), 'utf8'));
  for (const field of ['scripts', 'dependencies', 'devDependencies', 'bin']) delete manifest[field];
  writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** ONNX Runtime's JavaScript and this platform's libraries; of its 290 MB the other platforms' stay behind. */
function copyRuntime(modules, target) {
  const [platform, arch] = target.split('-');
  const copy = (name, parts) => {
    for (const part of parts) {
      const from = path.join(projectRoot, 'node_modules', name, part);
      cpSync(from, path.join(modules, name, part), { recursive: true, filter: (file) => !isForDevelopers(file) });
    }
  };
  copy('onnxruntime-node', ['package.json', 'dist', path.join('bin', 'napi-v6', platform, arch)]);
  copy('onnxruntime-common', ['package.json', path.join('dist', 'cjs')]);
}

/** Our addon and the flavours of TensorRT beside it, without debug symbols. */
function copyNative(folder, target) {
  const built = path.join(projectRoot, 'build', ...(target === host ? ['native', 'Release'] : [`native-${target}`]));
  if (!existsSync(path.join(built, 'precision_bench.node'))) return false;
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(built).filter((each) => /^(precision_bench\.node|pb_\w+\.(so|dll))$/.test(each))) {
    const copy = path.join(folder, name);
    cpSync(path.join(built, name), copy);
    // Another platform's files need that platform's strip; without it they are whole, only larger.
    if (target.startsWith('linux')) spawnSync(stripFor(target), ['--strip-unneeded', copy], { stdio: 'ignore' });
  }
  return true;
}

function stripFor(target) {
  return target === host ? 'strip' : 'aarch64-linux-gnu-strip';
}
