/**
 * The script and styles of the HTML report (`webview/report/`), bundled to text while this code is bundled or tested.
 *
 * `scripts/reportPagePlugin.mjs` provides the module to esbuild and to vitest alike, so there is no generated file.
 */
declare module 'virtual:report-page' {
  export const script: string;
  export const styles: string;
}
