/** What this machine can do, asked of the worker once and kept until something changes: an installation, a setting. */
import type { Machine } from '../contract/panels/convertPanel';
import type { WorkerProcess } from './workerProcess';

export class MachineProbe {
  private answer: Promise<Machine> | null = null;
  private readonly listeners = new Set<() => void>();
  /** The last answer, or null before the first: for views that must not start a process. */
  known: Machine | null = null;

  constructor(private readonly worker: WorkerProcess) {}

  /** Calls when there is a new answer, or the old one holds no longer (`known` is null then). */
  onDidChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** @throws CodedError as the worker does; the next call asks again then */
  async probe(fresh = false): Promise<Machine> {
    if (fresh) this.answer = null;
    const answer = (this.answer ??= this.worker.request('probe', { fresh }));
    try {
      const machine = await answer;
      if (this.answer === answer && this.known !== machine) {
        this.known = machine;
        this.emit();
      }
      return machine;
    } catch (error) {
      if (this.answer === answer) this.answer = null;
      throw error;
    }
  }

  /** What was found holds no longer. */
  forget(): void {
    this.answer = null;
    this.known = null;
    this.emit();
  }

  private emit(): void {
    for (const listener of this.listeners) listener();
  }
}
