/** The last lines that a process printed: what a crash report shows. Filled by `workerClient.ts`. */
export class LogTail {
  private lines: string[] = [];

  /** @param capacity lines kept; older ones are dropped */
  constructor(private readonly capacity: number) {}

  push(line: string): void {
    const text = line.trimEnd();
    if (text === '') return;
    this.lines.push(text);
    if (this.lines.length > this.capacity) this.lines.shift();
  }

  /** The newest `count` lines, oldest first. */
  last(count: number): readonly string[] {
    return this.lines.slice(-count);
  }
}
