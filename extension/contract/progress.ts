/** Progress as every long stage reports it: to the terminal, to the notification, to the panel's timeline. */

export const stages = ['model', 'plan', 'calibrate', 'build', 'measure', 'compare', 'report'] as const;
export type Stage = (typeof stages)[number];

export interface Progress {
  readonly stage: Stage;
  /** The variant worked on, where the stage works on one. */
  readonly variant?: string;
  /** 0–1 within the stage (and variant), or null while it cannot be known. */
  readonly fraction: number | null;
  /** Seconds to the end of the stage, or null while it cannot be known. */
  readonly etaSeconds: number | null;
  readonly message: string;
}

export type OnProgress = (progress: Progress) => void;

/** What every long-running function takes last. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}
