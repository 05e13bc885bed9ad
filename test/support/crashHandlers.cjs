/**
 * Worker handlers that misbehave on purpose. Loaded by `workerMain.ts` when PRECISION_BENCH_TEST_HANDLERS names this file,
 * and by `testWorkerMain.ts`. Every death here is a real one.
 */
const { spawn } = require('node:child_process');
const { writeSync } = require('node:fs');

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Written at once: buffered output would be lost with the process. */
const say = (text) => writeSync(2, `${text}\n`);
const progress = (stage, variant) => ({ stage, variant, fraction: 0.5, etaSeconds: null, message: 'half way' });

exports.handlers = {
  'test.echo': (value) => value,
  'test.pid': () => process.pid,
  'test.env': (name) => process.env[name],
  'test.throw': () => {
    throw new TypeError('a defect');
  },
  'test.unsendable': () => () => 'functions cannot be cloned',
  'test.progress': async (count, { onProgress }) => {
    for (let i = 1; i <= count; i++) {
      onProgress({ stage: 'measure', fraction: i / count, etaSeconds: null, message: `step ${i}` });
      await sleep(1);
    }
    return count;
  },
  'test.abort': async (variant, { onProgress }) => {
    say('about to abort');
    onProgress(progress('build', variant));
    await sleep(50);
    process.abort();
  },
  'test.signal': async (signal) => {
    say(`about to raise ${signal}`);
    await sleep(20);
    process.kill(process.pid, signal);
    await sleep(10_000);
  },
  /** `crashAddon.c`, compiled. */
  'test.native': ({ addon, call }) => require(addon)[call](),
  'test.exit': (code) => process.exit(code),
  'test.uncaught': () => {
    setTimeout(() => {
      throw new Error('thrown outside of any handler');
    });
    return sleep(10_000);
  },
  'test.heap': () => {
    const kept = [];
    for (;;) kept.push(new Array(100_000).fill({ number: kept.length }));
  },
  /** Ignores its signal but keeps the event loop turning. */
  'test.deaf': () => sleep(60_000),
  /** Holds the event loop, as native code does. */
  'test.spin': () => {
    say('spinning');
    for (;;);
  },
  /** A grandchild that keeps the worker's pipes open after the worker's death. */
  'test.grandchild': async () => {
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 4000)'], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    await sleep(50);
    process.kill(process.pid, 'SIGSEGV');
    return child.pid;
  },
};
