/** `precision-bench install NAME` and `npm run setup:rtx`: TensorRT libraries by the names that users know. */
import { join } from 'node:path';
import { CodedError } from '../../contract/errors';
import { installPackage, type InstallOptions } from './installPackage';
import { rtxLibraryFolder, tensorrtRtx } from './packages';

export const installableNames = ['tensorrt-rtx'] as const;
export type InstallableName = (typeof installableNames)[number];

/**
 * Fetches a TensorRT, never without being asked.
 *
 * @returns the folder with its libraries
 * @throws CodedError INSTALL_FAILED, CANCELLED
 */
export async function installTensorrt(name: InstallableName, options: InstallOptions = {}): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  const pack = tensorrtRtx(platform);
  if (pack === null) {
    throw new CodedError({
      code: 'INSTALL_FAILED',
      reason: `There is no ${name} for ${platform}.`,
      fix: 'Run on Linux (x64, arm64) or Windows (x64), or compare precisions without engines.',
    });
  }
  return join(await installPackage(pack, options), rtxLibraryFolder);
}
