/** Installs packages of the system, where this process may. */
import { spawnSync } from 'node:child_process';
import { say } from './outcome.mjs';

const limitMs = 15 * 60_000;

/**
 * @param {readonly string[]} packages Debian's names
 * @throws Error saying why it cannot be done: no apt, no rights, or the last lines of apt's own words
 */
export function aptInstall(packages) {
  const names = packages.join(' ');
  if (spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).error !== undefined) {
    throw new Error(`There is no apt-get on this machine to install ${names} with.`);
  }
  if (process.getuid?.() !== 0) throw new Error(`Only root can install ${names}.`);
  say(`installing ${names} with apt-get`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...packages],
  ]) {
    const result = spawnSync('apt-get', args, { encoding: 'utf8', timeout: limitMs, env });
    if (result.status === 0) continue;
    const words = result.error?.message ?? `${result.stdout}\n${result.stderr}`.trim().split('\n').slice(-8).join('\n');
    throw new Error(`apt-get ${args[0]}: ${words}`);
  }
}
