/** Runs cases in a child process that is replaced when it dies, hangs or has served long enough. */
import { build } from 'esbuild';
import { fork } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { nodeBundle } from '../../scripts/bundleOptions.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const caseTimeoutMs = 180_000;
/** Sessions leave some memory behind; a fresh child now and then keeps it flat. */
const casesPerChild = 250;

export class ChildRunner {
  #child = null;
  #served = 0;
  #bundle;

  /** Inside the project, where the bundle finds onnxruntime-node and the native module. */
  static async open() {
    const runner = new ChildRunner();
    runner.#bundle = path.join(root, 'build', 'generality', `caseProcess.${process.pid}.cjs`);
    const entryPoints = [path.join(root, 'test/generality/caseProcess.ts')];
    await build({ ...nodeBundle, sourcemap: 'inline', entryPoints, outfile: runner.#bundle });
    process.on('exit', () => rmSync(runner.#bundle, { force: true }));
    return runner;
  }

  close() {
    this.#child?.kill();
    this.#child = null;
  }

  /** @returns what the child answers, or a failure that says how it died */
  run(request) {
    if (this.#served >= casesPerChild) this.close();
    if (this.#child === null) {
      // Without the inherited flags and with its own output: a library that prints before it dies is heard.
      const options = { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' };
      this.#child = fork(this.#bundle, options);
      this.#served = 0;
    }
    this.#served += 1;
    return this.#answer(this.#child, request);
  }

  #answer(child, request) {
    return new Promise((resolve) => {
      let words = '';
      const onWords = (chunk) => {
        words = (words + chunk).slice(-2000);
      };
      const finish = (outcome) => {
        clearTimeout(timer);
        child.off('exit', onExit);
        child.off('message', finish);
        child.stderr.off('data', onWords);
        resolve(outcome);
      };
      const failed = (reason) => {
        this.#child = null;
        child.kill('SIGKILL');
        finish({ name: request.name, operators: [], opset: 0, status: 'failed', reason, variants: [] });
      };
      const onExit = (code, signal) => failed(`the process died (${signal ?? code}): ${words.trim()}`);
      const timer = setTimeout(() => failed(`no result within ${caseTimeoutMs / 1000} s`), caseTimeoutMs);
      child.stderr.on('data', onWords);
      child.once('exit', onExit);
      child.once('message', finish);
      child.send(request);
    });
  }
}
