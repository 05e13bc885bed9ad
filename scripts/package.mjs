/**
 * `npm run package [-- --target linux-x64]`: platform-specific .vsix files in build/package/.
 *
 * Each is made from a folder that holds what a user needs and nothing else: the bundles, our native module for that
 * platform, that platform's ONNX Runtime, the sample, schemas, translations and the licences of what is inside. A target
 * whose native module was not built gets a package without it, and it is said so: precisions are then written and compared,
 * engines are not built. The size limit of linux-x64 is checked here, so that CI holds it.
 */
import { createVSIX } from '@vscode/vsce';
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { stagePackage } from './package/stagePackage.mjs';
import { projectRoot } from './setup/importTypeScript.mjs';

const targets = ['linux-x64', 'linux-arm64', 'win32-x64'];
const limitBytes = 45e6;

const { values } = parseArgs({ options: { target: { type: 'string', multiple: true } } });
const output = path.join(projectRoot, 'build', 'package');
const { version } = JSON.parse(readFileSync(path.join(projectRoot, 'package.json'), 'utf8'));

for (const target of values.target ?? targets) {
  if (!targets.includes(target)) {
    console.error(`error: There is no target "${target}". Take one of ${targets.join(', ')}.`);
    process.exit(2);
  }
  const folder = path.join(output, target);
  const packagePath = path.join(output, `precision-bench-${version}-${target}.vsix`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { native } = await stagePackage(folder, target);
  await createVSIX({
    cwd: folder,
    packagePath,
    target,
    // The one package that is not bundled lies in dist/node_modules.
    dependencies: false,
    allowMissingRepository: true,
    rewriteRelativeLinks: false,
  });
  rmSync(folder, { recursive: true });
  const { size } = statSync(packagePath);
  console.log(`${packagePath}: ${(size / 1e6).toFixed(1)} MB${native ? '' : ', without the native module'}`);
  if (target === 'linux-x64' && size > limitBytes) {
    console.error(`error: It is above the limit of ${limitBytes / 1e6} MB.`);
    process.exitCode = 1;
  }
}
