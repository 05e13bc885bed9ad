/**
 * The page's end of the channel to the extension host: the same `Channel` that serves the worker, over `postMessage`.
 *
 * Requests made before the host answers the handshake wait for it; a host of another version fails them with a coded error.
 */
import { Channel, type ChannelPort, type Side } from '../../extension/contract/channel';
import { postToHost } from './vscodeApi';

const webviewPort: ChannelPort = {
  send: postToHost,
  listen: (listener) => {
    const onMessage = (event: MessageEvent<unknown>): void => listener(event.data);
    window.addEventListener('message', onMessage);
    return () => window.removeEventListener('message', onMessage);
  },
};

/**
 * @typeParam Page what the page answers and emits
 * @typeParam Host what the host answers and emits
 */
export function connectToHost<Page extends Side, Host extends Side>(): Channel<Page, Host> {
  return new Channel<Page, Host>(webviewPort, {
    onDefect: (error, method) => console.error(`precision-bench: ${method}`, error),
  });
}
