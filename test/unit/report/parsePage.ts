/** An HTML page parsed without a browser; only what the tests ask of a DOM, as Node's type library has none. */
import { parseHTML } from 'linkedom';

export interface PageNode {
  readonly textContent: string | null;
  readonly attributes: Iterable<{ readonly name: string; readonly value: string }>;
  getAttribute(name: string): string | null;
  querySelector(selector: string): PageNode | null;
  querySelectorAll(selector: string): Iterable<PageNode>;
}

export interface Page extends PageNode {
  readonly body: PageNode;
  readonly documentElement: PageNode;
  getElementById(id: string): PageNode | null;
}

export function parsePage(markup: string): Page {
  const window: unknown = parseHTML(markup);
  return (window as { document: Page }).document;
}
