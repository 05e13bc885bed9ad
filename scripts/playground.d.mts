export interface Playground {
  readonly url: string;
  readonly close: () => Promise<void>;
}
export declare function servePlayground(port?: number): Promise<Playground>;
