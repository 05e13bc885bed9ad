/** The executable: runs the command line and ends with its exit code once everything printed has been written. */
import { main } from './main';

// `precision-bench … | head` closes the pipe: what is left to print has no reader, and the work is done.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
