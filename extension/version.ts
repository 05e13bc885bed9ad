/** The tool's version, from package.json: in reports, in cache keys and in `--version`. */
export { version as toolVersion } from '../package.json';
