/**
 * The worker processes of the editor: one for conversions, one for what panels look at (models, samples, the machine), so
 * that a panel answers while a conversion runs and cancelling the one does not kill the other. Nothing starts before it is
 * asked for.
 */
import type { RequestOptions } from '../contract/channel';
import type { WorkerMethods } from '../contract/messages';
import { WorkerClient } from '../worker/workerClient';

export interface WorkerSurroundings {
  /** `dist/worker.cjs` */
  readonly entry: string;
  /** Added to the environment, asked for at each start: settings may have changed. */
  readonly env: () => Readonly<Record<string, string>>;
  readonly onLog: (line: string) => void;
}

export class WorkerProcess {
  private client: WorkerClient | null = null;
  private idleTimer: NodeJS.Timeout | undefined;
  private pending = 0;

  /** @param idleMs the process ends after so long without a request; null: it stays */
  constructor(
    private readonly surroundings: WorkerSurroundings,
    private readonly idleMs: number | null = null,
  ) {}

  /** As `WorkerClient.request`. */
  async request<K extends keyof WorkerMethods>(
    method: K,
    params: WorkerMethods[K]['params'],
    options: RequestOptions = {},
  ): Promise<WorkerMethods[K]['result']> {
    const { entry, env, onLog } = this.surroundings;
    this.client ??= new WorkerClient({ entry, env: env(), onLog });
    clearTimeout(this.idleTimer);
    this.pending++;
    try {
      return await this.client.request(method, params, options);
    } finally {
      this.pending--;
      this.endWhenIdle();
    }
  }

  /** Ends the process; the next request starts one with the settings of then. What is under way is rejected. */
  async restart(): Promise<void> {
    clearTimeout(this.idleTimer);
    const client = this.client;
    this.client = null;
    await client?.dispose();
  }

  private endWhenIdle(): void {
    clearTimeout(this.idleTimer);
    if (this.idleMs === null || this.pending > 0) return;
    this.idleTimer = setTimeout(() => void this.restart(), this.idleMs);
    this.idleTimer.unref();
  }
}
