/** The executable: runs the command line and ends with its exit code once everything printed has been written. */
import { main } from './main';

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
