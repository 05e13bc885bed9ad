/** What the host wrote into the page (`contract/panels/pageBootstrap.ts`). */
import { bootstrapElementId, type PageBootstrap } from '../../extension/contract/panels/pageBootstrap';

export const bootstrap = readBootstrap();

function readBootstrap(): Partial<PageBootstrap> {
  // Unit tests of the pure modules run without a page.
  const text = typeof document === 'undefined' ? null : document.getElementById(bootstrapElementId)?.textContent;
  try {
    return JSON.parse(text ?? '{}') as Partial<PageBootstrap>;
  } catch {
    return {};
  }
}
