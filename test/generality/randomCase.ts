export function randomCase(seed: number, output: string): Promise<unknown> {
  return Promise.reject(new Error(`${seed} ${output}`));
}
