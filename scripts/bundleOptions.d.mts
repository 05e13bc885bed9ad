import type { BuildOptions } from 'esbuild';

export declare const nodeBundle: BuildOptions;
export declare const editorBundle: BuildOptions;
export declare const webviewPages: readonly string[];
export declare const webviewBundle: BuildOptions;
