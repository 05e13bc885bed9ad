export const codeServerVersion: string;
export const nodeVersion: string;
