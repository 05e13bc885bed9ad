/** The address of a workbench window: which folder it opens, which extension it loads from its sources, which tests run. */
import { resolve } from 'node:path';

export interface WindowContents {
  /** Null opens an empty window. */
  readonly folder: string | null;
  /** Folders of extensions under development. */
  readonly development?: readonly string[];
  /** Module whose `run` the extension host calls. */
  readonly tests?: string;
}

export function workbenchUrl(base: string, { folder, development = [], tests }: WindowContents): string {
  const { host } = new URL(base);
  // The workbench knows itself by host and port, and takes paths only under that name.
  const remote = (path: string) =>
    `vscode-remote://${host}${resolve(path).split('/').map(encodeURIComponent).join('/')}`;
  const payload = development.map((path) => ['extensionDevelopmentPath', remote(path)]);
  if (tests !== undefined) payload.push(['extensionTestsPath', remote(tests)]);
  const query = new URLSearchParams(folder === null ? { ew: 'true' } : { folder: resolve(folder) });
  if (payload.length > 0) query.set('payload', JSON.stringify(payload));
  return `${base}?${query.toString()}`;
}
