/**
 * Runs one command and measures it from outside: wall time and the peak resident memory of its process tree.
 *
 * The same ruler for both sides: Precision Bench works in two processes (command line and worker), the Python tools in
 * one. Each process's high-water mark (VmHWM) is read every 50 ms; the tree's peak is their sum, which can only overstate.
 * Processor time is read too: it hardly depends on what else the machine does.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { clearInterval, clearTimeout, setInterval, setTimeout } from 'node:timers';

const pollMs = 50;
/** The kernel's USER_HZ, 100 on every Linux in use. */
const ticksPerSecond = 100;

/**
 * @param {string[]} command
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, cpus?: string|null, timeoutMs?: number}} options `cpus` pins the tree
 * @returns {Promise<{code: number|null, stdout: string, stderr: string, seconds: number, cpuSeconds: number, peakRssBytes: number}>}
 */
export function runMeasured(command, { cwd, env, cpus = null, timeoutMs = 1_800_000 } = {}) {
  const [program, ...rest] = cpus === null ? command : ['taskset', '-c', cpus, ...command];
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(program, rest, { cwd, env: env ?? process.env, stdio: ['ignore', 'pipe', 'pipe'] });
    const peaks = new Map();
    const processorTimes = new Map();
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8');
      child[name].on('data', (text) => {
        output[name] += text;
      });
    }
    const poll = () => {
      for (const pid of processTree(child.pid)) {
        peaks.set(pid, Math.max(peaks.get(pid) ?? 0, highWaterMark(pid)));
        processorTimes.set(pid, Math.max(processorTimes.get(pid) ?? 0, statOf(pid)?.cpuSeconds ?? 0));
      }
    };
    const timer = setInterval(poll, pollMs);
    const killer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.once('error', reject);
    child.once('close', (code) => {
      clearInterval(timer);
      clearTimeout(killer);
      const seconds = (performance.now() - start) / 1000;
      resolve({ code, ...output, seconds, cpuSeconds: sum(processorTimes), peakRssBytes: sum(peaks) });
    });
  });
}

function processTree(root) {
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = statOf(name)?.parent;
    if (parent === undefined) continue;
    if (!children.has(parent)) children.set(parent, []);
    children.get(parent).push(Number(name));
  }
  const tree = [];
  const queue = [root];
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    tree.push(pid);
    queue.push(...(children.get(pid) ?? []));
  }
  return tree;
}

function statOf(pid) {
  try {
    // The name in parentheses may hold spaces: the fields after it (state, parent …) start behind the last parenthesis.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond };
  } catch {
    return null;
  }
}

function sum(values) {
  return [...values.values()].reduce((total, value) => total + value, 0);
}

function highWaterMark(pid) {
  try {
    const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match === null ? 0 : Number(match[1]) * 1024;
  } catch {
    return 0;
  }
}
