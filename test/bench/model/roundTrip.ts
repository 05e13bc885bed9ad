/** One measurement of ours: prints seconds and peak memory in bytes. Bundled and started by `run.mjs`. */
import { loadModel } from '../../../extension/model/loadModel';
import { saveModel } from '../../../extension/model/saveModel';

async function main(source: string, target: string): Promise<void> {
  const start = performance.now();
  await saveModel(await loadModel(source), target);
  const seconds = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ seconds, rss: process.resourceUsage().maxRSS * 1024 }));
}

void main(process.argv[2] ?? '', process.argv[3] ?? '');
