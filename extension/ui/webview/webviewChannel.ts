/** A channel to a webview page, with every parameter checked on arrival: a page is less trusted than the host. */
import { Type, type Static, type TSchema } from '@sinclair/typebox';
import type * as vscode from 'vscode';
import { Channel, type Handler, type Methods, type Side } from '../../contract/channel';
import { CodedError } from '../../contract/errors';
import { schemaFault } from '../../contract/schemaFault';

/** @param log gets defects with their stack */
export function webviewChannel<Host extends Side, Page extends Side>(
  webview: vscode.Webview,
  log: vscode.LogOutputChannel,
): Channel<Host, Page> {
  return new Channel<Host, Page>(
    {
      send: (message) => void webview.postMessage(message),
      listen: (listener) => {
        const listening = webview.onDidReceiveMessage(listener);
        return () => void listening.dispose();
      },
    },
    { onDefect: (error, method) => log.error(error instanceof Error ? error : String(error), method) },
  );
}

/** What answers a method, and the shape that its parameters must have. */
export interface Endpoint<M extends Methods[string]> {
  readonly params: (value: unknown) => M['params'];
  readonly answer: Handler<M>;
}
/** One for every method: a forgotten one is a type error. */
export type Endpoints<M extends Methods> = { readonly [K in keyof M]: Endpoint<M[K]> };

export function serve<Host extends Side, Page extends Side>(
  channel: Channel<Host, Page>,
  endpoints: Endpoints<Host['methods']>,
): void {
  for (const method of Object.keys(endpoints) as (keyof Host['methods'] & string)[]) {
    const { answer, params } = endpoints[method];
    channel.handle(method, answer, params);
  }
}

/** Parameters of a certain shape and no more. @returns a check that throws WORKER_PROTOCOL */
export function shaped<P extends Record<string, TSchema>>(
  properties: P,
): (value: unknown) => Static<ReturnType<typeof Type.Object<P>>> {
  const schema = Type.Object(properties, { additionalProperties: false });
  return (value) => {
    const fault = schemaFault(schema, value);
    if (fault === null) return value as Static<typeof schema>;
    throw new CodedError({
      code: 'WORKER_PROTOCOL',
      reason: `The page sent a request that is not valid: ${fault.path.join('.') || 'it'} ${fault.message}.`,
      fix: 'Reload the window, so that page and host are of one version.',
    });
  };
}

export const nothing = shaped({});
