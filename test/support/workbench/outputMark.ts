/** Begins the lines that tests in an extension host print: the workbench sends its own log by the same way. */
export const outputMark = '\u2502 ';
