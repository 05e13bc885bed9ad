/** The headers that the native module is compiled against, each in the variable that native/CMakeLists.txt reads. */
import { join } from 'node:path';
import { CodedError } from '../../contract/errors';
import { installPackage, type InstallOptions } from './installPackage';
import { cudaHeaders, flavourHeaders, type HeaderFolder } from './packages';

export interface Headers {
  /** Folder by CMake variable; without the flavours whose headers could not be had. */
  readonly variables: Readonly<Record<string, string>>;
  /** Why some are missing. */
  readonly problems: readonly CodedError[];
}

/**
 * Fetches what is not there. A failure leaves out the flavours concerned, so that the rest can still be built.
 *
 * @throws CodedError CANCELLED
 */
export async function installHeaders(options: InstallOptions = {}): Promise<Headers> {
  const problems: CodedError[] = [];
  const cuda = await installAll(cudaHeaders, options, problems);
  // No flavour compiles without CUDA's headers.
  const flavours = problems.length === 0 ? await installAll(flavourHeaders, options, problems) : {};
  return { variables: Object.keys(flavours).length === 0 ? {} : { ...cuda, ...flavours }, problems };
}

async function installAll(
  folders: readonly HeaderFolder[],
  options: InstallOptions,
  problems: CodedError[],
): Promise<Record<string, string>> {
  const variables: Record<string, string> = {};
  for (const header of folders) {
    try {
      variables[header.cmakeVariable] = join(await installPackage(header.package, options), header.folder);
    } catch (error) {
      if (!CodedError.is(error, 'INSTALL_FAILED')) throw error;
      if (!problems.some(({ reason }) => reason === error.reason)) problems.push(error);
    }
  }
  return variables;
}
