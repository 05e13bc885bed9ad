/**
 * The worker's side of the process boundary: answers requests over the IPC channel of `child_process.fork` and makes sure
 * that the process never outlives its parent.
 *
 * `workerMain.ts` calls it with the handlers of the stages; the other end is `workerClient.ts`.
 */
import { Worker } from 'node:worker_threads';
import { Channel, registerHandlers, type ChannelPort, type Handlers } from '../contract/channel';
import type { HostSide, WorkerSide } from '../contract/messages';

/** How long handlers may clean up after the parent is gone or asked for the end. */
const shutdownGraceMs = 300;

export function serveWorker(handlers: Handlers<WorkerSide['methods']>): Channel<WorkerSide, HostSide> {
  const port = parentPort();
  // Ctrl-C in a terminal goes to the whole process group. The parent decides what it means and says so by message.
  process.on('SIGINT', () => {});
  watchParent(process.ppid);
  const channel = new Channel<WorkerSide, HostSide>(port, { onDefect: (error, method) => logDefect(error, method) });
  registerHandlers(channel, handlers);
  process.once('disconnect', () => {
    const graceMs = channel.isIdle ? 0 : shutdownGraceMs;
    channel.dispose();
    setTimeout(() => process.exit(0), graceMs);
  });
  return channel;
}

/** IPC with the parent. A parent that is gone takes no messages: that is the `disconnect` event's business. */
function parentPort(): ChannelPort {
  if (process.send === undefined) throw new Error('The worker is started by workerClient.ts, not by hand.');
  return {
    send: (message) => process.send?.(message, undefined, undefined, () => {}),
    listen: (listener) => {
      process.on('message', listener);
      return () => process.off('message', listener);
    },
  };
}

/** Goes to the log that the client keeps: the user sees INTERNAL, the developer the stack. */
function logDefect(error: unknown, method: string): void {
  console.error(`Defect in worker method ${method}:`, error);
}

/**
 * Kills this process soon after its parent died. `disconnect` does it more gently, but only once the event loop turns,
 * and an inference or an engine build can hold it for an hour: hence a thread of its own.
 * On POSIX an orphan gets another parent; on Windows the old id stays and names no process any more.
 */
function watchParent(parent: number): void {
  const code = `
    const alive = () => {
      if (process.ppid !== ${parent}) return false;
      try { process.kill(${parent}, 0); return true; } catch (error) { return error.code === 'EPERM'; }
    };
    let missed = 0;
    setInterval(() => { missed = alive() ? 0 : missed + 1; if (missed > 1) process.kill(process.pid, 'SIGKILL'); }, 500);
  `;
  const thread = new Worker(code, { eval: true, stdout: false, stderr: false });
  thread.unref();
}
