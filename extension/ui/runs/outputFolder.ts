/** Where the results of a model go, from the setting's pattern. Pure. */
import * as path from 'node:path';

/** `${modelFolder}`, `${modelName}` (without `.onnx`) and `${workspaceFolder}` are replaced. */
export const defaultOutputFolder = '${modelFolder}/${modelName}-precision';

/**
 * @param pattern as in the setting; empty: the default. A relative one starts at the workspace folder
 * @returns an absolute path
 */
export function expandOutputFolder(pattern: string, model: string, workspaceFolder: string): string {
  const values: Readonly<Record<string, string>> = {
    modelFolder: path.dirname(model),
    modelName: path.basename(model).replace(/\.onnx$/i, ''),
    workspaceFolder,
  };
  const expanded = (pattern.trim() || defaultOutputFolder).replace(
    /\$\{(\w+)\}/g,
    (whole, name: string) => values[name] ?? whole,
  );
  return path.resolve(workspaceFolder, expanded);
}
