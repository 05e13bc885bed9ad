/**
 * A host for a page without VS Code: the other end of the page's channel in the same window, and a record of what the page
 * asked, for tests. `acquireVsCodeApi` is defined as VS Code defines it; the state is kept in the session's storage, so that
 * a reload restores it as a restart of the window does.
 */
import {
  Channel,
  registerHandlers,
  type ChannelPort,
  type Handlers,
  type Side,
} from '../../extension/contract/channel';

export interface FakeHostRecord {
  /** What the page asked and told, oldest first. */
  readonly calls: { readonly method: string; readonly params: unknown }[];
  /** Tells the page something, as the host would. */
  emit: (name: string, data: unknown) => void;
}

declare global {
  interface Window {
    fakeHost: FakeHostRecord;
    acquireVsCodeApi: () => unknown;
  }
}

const stateKey = `precision-bench-state ${location.pathname}`;

/** Both ends copy what they send, as the real transport does. */
function connect(): ChannelPort {
  const listeners = new Set<(message: unknown) => void>();
  window.acquireVsCodeApi = () => ({
    postMessage: (message: unknown) => {
      const copy: unknown = structuredClone(message);
      setTimeout(() => listeners.forEach((listener) => listener(copy)));
    },
    getState: () => JSON.parse(sessionStorage.getItem(stateKey) ?? 'null') as unknown,
    setState: (state: unknown) => sessionStorage.setItem(stateKey, JSON.stringify(state)),
  });
  return {
    send: (message) => {
      const data: unknown = structuredClone(message);
      setTimeout(() => window.dispatchEvent(new MessageEvent('message', { data })));
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/**
 * Starts the fake host of a page.
 * @param events names of what the page tells, to be recorded with the calls
 */
export function startFakeHost<Host extends Side, Page extends Side>(
  handlersOf: (emit: (name: keyof Host['events'] & string, data: unknown) => void) => Handlers<Host['methods']>,
  events: readonly (keyof Page['events'] & string)[] = [],
): void {
  const channel = new Channel<Host, Page>(connect());
  const emit = (name: string, data: unknown): void => channel.emit(name, data as never);
  const record: FakeHostRecord = { calls: [], emit };
  window.fakeHost = record;
  const handlers = handlersOf(emit);
  const recorded = Object.entries(handlers).map(([method, handler]) => [
    method,
    (params: unknown, options: never) => {
      record.calls.push({ method, params });
      return (handler as (params: unknown, options: never) => unknown)(params, options);
    },
  ]);
  registerHandlers<Host, Page>(channel, Object.fromEntries(recorded) as Handlers<Host['methods']>);
  for (const name of events) channel.on(name, (params: unknown) => record.calls.push({ method: name, params }));
}
