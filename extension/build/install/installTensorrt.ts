/** `precision-bench install NAME` and `npm run setup:rtx`: TensorRT libraries by the names that users know. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { librariesIn, probeLibrary } from '../../backends/libraries';
import { nativeAddonPaths } from '../../backends/nativeAddon';
import { CodedError } from '../../contract/errors';
import { installPackage, isInstalled, packageFolder, removePackage, type InstallOptions } from './installPackage';
import { installableNames, installables, type Installable, type InstallableName } from './packages';

export { installableNames, type InstallableName };

export interface InstallState {
  readonly name: InstallableName;
  readonly version: string;
  readonly megabytes: number;
  /** Where its libraries are; null while it is not installed. */
  readonly folder: string | null;
  readonly note: string | null;
}

const thisPlatform = `${process.platform}-${process.arch}`;

/** What can be installed on this platform, and what is. */
export async function listInstallables(home?: string): Promise<InstallState[]> {
  return Promise.all(
    installables(thisPlatform).map(async ({ name, package: pack, libraryFolder, note }) => ({
      name,
      version: pack.version,
      megabytes: pack.megabytes,
      folder: (await isInstalled(pack, home)) ? join(packageFolder(pack, home), libraryFolder) : null,
      note,
    })),
  );
}

/**
 * Fetches a TensorRT, never without being asked.
 *
 * @returns the folder with its libraries
 * @throws CodedError INSTALL_FAILED, also when a trial process cannot load the library; CANCELLED
 */
export async function installTensorrt(name: InstallableName, options: InstallOptions = {}): Promise<string> {
  const { package: pack, libraryFolder, note } = installable(name);
  const inspect = (content: string) => tryToLoad(join(content, libraryFolder), name, options);
  const folder = await installPackage(pack, { inspect, ...options });
  if (note !== null) options.onMessage?.(note);
  return join(folder, libraryFolder);
}

/** @returns false when it was not installed @throws CodedError INSTALL_FAILED */
export async function removeTensorrt(name: InstallableName, home?: string): Promise<boolean> {
  return removePackage(installable(name).package, home);
}

/** @throws CodedError INSTALL_FAILED */
function installable(name: InstallableName): Installable {
  const all = installables(thisPlatform);
  const found = all.find((one) => one.name === name);
  if (found !== undefined) return found;
  const others = all.map((one) => one.name).join(', ');
  throw new CodedError({
    code: 'INSTALL_FAILED',
    reason: `There is no ${name} for ${thisPlatform}${others === '' ? '' : `; there is ${others}`}.`,
    fix: 'Install TensorRT as NVIDIA describes and name it with --tensorrt-library, or compare precisions without engines.',
  });
}

/**
 * Opens the library in a process of its own. That it needs a GPU to build, or CUDA's libraries beside it, is no fault of it.
 * @throws CodedError INSTALL_FAILED with the loader's words
 */
async function tryToLoad(folder: string, name: string, { onMessage }: InstallOptions): Promise<void> {
  const addon = nativeAddonPaths().find((path) => existsSync(path));
  const [library] = await librariesIn({ path: folder, from: 'install' });
  if (addon === undefined || library === undefined) {
    onMessage?.('not tried: the native module is not built yet');
    return;
  }
  const probe = await probeLibrary(library, addon);
  if (probe.description !== null || probe.needsGpu) {
    onMessage?.(probe.description?.hasBuilder ? 'it loads and builds here' : 'it loads; building needs an NVIDIA GPU');
    return;
  }
  if (/cannot open shared object file|module could not be found/.test(probe.reason)) {
    // What it wants beside itself may still come; `probe` says so until then.
    onMessage?.(`it does not load here yet: ${probe.reason}`);
    return;
  }
  throw new CodedError({
    code: 'INSTALL_FAILED',
    reason: `${name} was fetched, but it does not load: ${probe.reason}`,
    fix: 'It needs glibc 2.27 or later and libstdc++; on such a system fetch it again, or build the native module anew (npm run native).',
  });
}
