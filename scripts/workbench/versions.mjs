/**
 * The real VS Code that tests run in. code-server is VS Code's own server and web workbench, and comes whole from the npm
 * registry, where desktop VS Code does not; it needs a newer Node than this project does, which npm carries as well.
 */
export const codeServerVersion = '4.139.1';
export const nodeVersion = '24.21.0';
