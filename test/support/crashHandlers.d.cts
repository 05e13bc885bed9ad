export declare const handlers: Readonly<Record<string, (params: never, options: never) => unknown>>;
