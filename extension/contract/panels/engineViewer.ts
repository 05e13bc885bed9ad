/**
 * What the engine page and the host say to each other: the read-only custom editor of `.engine` and `.plan` files. The host
 * answers (`ui/engine/`), the page asks (`webview/engine/`). An engine is opaque by itself; what is known of it stands in
 * its passport, the JSON file beside it.
 */
import type { EnginePassport } from '../enginePassport';

/** A field of the passport beside what is true of this machine. */
export interface PassportDifference {
  /** Translated, as in the passport's table. */
  readonly field: string;
  readonly engine: string;
  readonly here: string;
  /** The engine cannot run here because of it. */
  readonly matters: boolean;
}

export interface EngineContents {
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Null when there is no passport beside the engine. */
  readonly passport: EnginePassport | null;
  /** Why the passport is not to be trusted (it is of another engine, it cannot be read); a translated sentence. */
  readonly warning: string | null;
  /** Absolute path of a report.json in the engine's folder that names the engine. */
  readonly report: string | null;
  /** Absolute path of the ONNX file that it was built from, where it is still there. */
  readonly onnx: string | null;
}

/** Needs a probe of the machine, so it comes later than `load`. */
export interface EngineFit {
  readonly differences: readonly PassportDifference[];
  /** Null: cannot be told. */
  readonly runsHere: boolean | null;
  /** One translated sentence. */
  readonly reason: string;
}

type Nothing = Readonly<Record<string, never>>;

export type EngineHostMethods = {
  load: { params: Nothing; result: EngineContents };
  compareWithMachine: { params: Nothing; result: EngineFit };
  /** Opens the convert panel with the plan that made the engine. */
  rebuild: { params: Nothing; result: null };
  /** Shows the engine in the explorer. */
  reveal: { params: Nothing; result: null };
  openReport: { params: Nothing; result: null };
  openPassport: { params: Nothing; result: null };
};

export type EngineHostSide = {
  readonly methods: EngineHostMethods;
  readonly events: {
    /** The engine or its passport changed on disk. */
    readonly changed: EngineContents;
  };
};

export type EnginePageSide = { readonly methods: Record<never, never>; readonly events: Record<never, never> };
