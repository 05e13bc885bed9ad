import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import {
  Channel,
  registerHandlers,
  type ChannelOptions,
  type ChannelPort,
  type Silent,
} from '../../../extension/contract/channel';
import { CodedError } from '../../../extension/contract/errors';

interface Server {
  readonly methods: {
    double: { params: number; result: number };
    wait: { params: null; result: string };
    fail: { params: null; result: never };
  };
  readonly events: { changed: { readonly path: string } };
}
interface Client {
  readonly methods: Record<never, never>;
  readonly events: { selected: string };
}

/** A port in memory that clones messages as a real one does and delivers them later, in order. */
class MemoryPort implements ChannelPort {
  peer: MemoryPort | null = null;
  readonly sent: Record<string, unknown>[] = [];
  private readonly listeners = new Set<(message: unknown) => void>();

  send(message: unknown): void {
    const copy = structuredClone(message);
    this.sent.push(copy as Record<string, unknown>);
    const { peer } = this;
    queueMicrotask(() => peer?.deliver(copy));
  }
  listen(listener: (message: unknown) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  deliver(message: unknown): void {
    for (const listener of this.listeners) listener(message);
  }
}

function ports(): [MemoryPort, MemoryPort] {
  const [a, b] = [new MemoryPort(), new MemoryPort()];
  a.peer = b;
  b.peer = a;
  return [a, b];
}

function serve(port: ChannelPort, options?: ChannelOptions): Channel<Server, Client> {
  const channel = new Channel<Server, Client>(port, options);
  registerHandlers<Server, Client>(channel, {
    double: (value) => value * 2,
    wait: (_, { signal }) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve('saw the cancellation'))),
    fail: () => {
      throw new CodedError({ code: 'DATA_EMPTY', reason: 'nothing', fix: 'something', place: { node: 'n' } });
    },
  });
  return channel;
}

const connect = (): { client: Channel<Client, Server>; server: Channel<Server, Client>; clientPort: MemoryPort } => {
  const [a, b] = ports();
  return { client: new Channel<Client, Server>(a), server: serve(b), clientPort: a };
};

const failure = (promise: Promise<unknown>): Promise<CodedError> =>
  promise.then(
    () => expect.fail('should have been rejected'),
    (error: unknown) => (CodedError.is(error) ? error : expect.fail(`not coded: ${String(error)}`)),
  );

describe('handshake', () => {
  test('either side may start first; early requests wait', async () => {
    const [a, b] = ports();
    const client = new Channel<Client, Server>(a);
    const answer = client.request('double', 4);
    await delay(5);
    expect(a.sent.map(({ type }) => type)).toEqual(['hello']);
    serve(b);
    expect(await answer).toBe(8);
    await client.ready;
  });

  test('another protocol version is refused on both sides', async () => {
    const [a, b] = ports();
    const client = new Channel<Client, Server>(a);
    const server = serve(b, { version: 99 });
    const error = await failure(client.request('double', 1));
    expect(error).toMatchObject({ code: 'WORKER_PROTOCOL', reason: expect.stringContaining('99') as string });
    expect((await failure(server.ready)).code).toBe('WORKER_PROTOCOL');
    expect((await failure(client.request('double', 1))).code).toBe('WORKER_PROTOCOL');
  });

  test('a restarted other side: pending requests are rejected, new ones are answered', async () => {
    const { client, server, clientPort } = connect();
    const pending = failure(client.request('wait', null));
    await client.ready;
    server.dispose();
    const reborn = new MemoryPort();
    clientPort.peer = reborn;
    reborn.peer = clientPort;
    serve(reborn);
    expect((await pending).reason).toContain('restarted');
    expect(await client.request('double', 3)).toBe(6);
  });
});

describe('requests', () => {
  test('errors keep all of their parts', async () => {
    const error = await failure(connect().client.request('fail', null));
    expect(error.toJSON()).toEqual({ code: 'DATA_EMPTY', reason: 'nothing', fix: 'something', place: { node: 'n' } });
  });

  test('a check at the boundary refuses parameters before the handler sees them', async () => {
    const { client, server } = connect();
    const handler = vi.fn((value: number) => value);
    server.handle('double', handler, (params) => {
      if (typeof params === 'number') return params;
      throw new CodedError({ code: 'USAGE', reason: 'not a number', fix: 'send one' });
    });
    expect((await failure(client.request('double', 'two' as never))).code).toBe('USAGE');
    expect(handler).not.toHaveBeenCalled();
    expect(await client.request('double', 2)).toBe(2);
  });

  test('parameters that cannot be sent reject the request', async () => {
    const { client } = connect();
    await client.ready;
    expect((await failure(client.request('double', (() => 1) as never))).code).toBe('INTERNAL');
    expect(await client.request('double', 1)).toBe(2);
  });

  test('parameters that cannot be sent reject a request made before the handshake, too', async () => {
    const { client } = connect();
    expect((await failure(client.request('double', (() => 1) as never))).code).toBe('INTERNAL');
    expect(await client.request('double', 1)).toBe(2);
  });

  test('defects are told to the log with their method', async () => {
    const [a, b] = ports();
    const onDefect = vi.fn();
    const client = new Channel<Client, Server>(a);
    const server = serve(b, { onDefect });
    server.handle('double', () => {
      throw new TypeError('oops');
    });
    expect((await failure(client.request('double', 1))).code).toBe('INTERNAL');
    expect(onDefect).toHaveBeenCalledWith(expect.any(TypeError), 'double');
  });
});

describe('cancellation', () => {
  test('the handler sees its signal and its answer counts', async () => {
    const { client } = connect();
    await client.ready;
    const controller = new AbortController();
    const answer = client.request('wait', null, { signal: controller.signal });
    controller.abort();
    expect(await answer).toBe('saw the cancellation');
  });

  test('only the cancelled request is cancelled', async () => {
    const { client } = connect();
    await client.ready;
    const controller = new AbortController();
    const other = client.request('wait', null);
    const cancelledOne = client.request('wait', null, { signal: controller.signal });
    controller.abort();
    await cancelledOne;
    expect(await Promise.race([other, delay(20, 'still running')])).toBe('still running');
  });

  test('before the handshake nothing is sent', async () => {
    const [a] = ports();
    const client = new Channel<Client, Server>(a);
    const controller = new AbortController();
    const pending = failure(client.request('double', 1, { signal: controller.signal }));
    controller.abort();
    expect((await pending).code).toBe('CANCELLED');
    expect(a.sent.map(({ type }) => type)).toEqual(['hello']);
  });
});

describe('events', () => {
  test('reach listeners until these leave', async () => {
    const { client, server } = connect();
    const seen: string[] = [];
    const leave = client.on('changed', ({ path }) => seen.push(path));
    server.emit('changed', { path: 'a' });
    await client.request('double', 0);
    leave();
    server.emit('changed', { path: 'b' });
    await client.request('double', 0);
    expect(seen).toEqual(['a']);
  });

  test('run both ways', async () => {
    const { client, server } = connect();
    const seen = new Promise((resolve) => server.on('selected', resolve));
    client.emit('selected', 'int8');
    expect(await seen).toBe('int8');
  });
});

describe('end', () => {
  test('dispose rejects what is pending and aborts what runs', async () => {
    const { client, server } = connect();
    const pending = failure(client.request('wait', null));
    await client.ready;
    await delay(1);
    expect(server.isIdle).toBe(false);
    server.dispose();
    expect(server.isIdle).toBe(true);
    client.dispose();
    expect((await pending).code).toBe('CANCELLED');
    expect((await failure(client.request('double', 1))).code).toBe('CANCELLED');
  });

  test('foreign messages are ignored', async () => {
    const { client, clientPort } = connect();
    for (const message of ['text', null, 7, { type: 'result', id: 1 }, { channel: 'other' }]) {
      clientPort.deliver(message);
    }
    expect(await client.request('double', 5)).toBe(10);
  });

  test.each([
    { type: 'nonsense' },
    { type: 'request', id: 1.5, method: 'double' },
    { type: 'request', id: 1 },
    { type: 'error', id: 1, error: { code: 'X' } },
    { type: 'progress', id: 1, progress: { stage: 'lunch', fraction: null, etaSeconds: null, message: '' } },
    { type: 'hello', version: '1', instance: 'x', isReply: true },
  ])('a malformed message fails the channel: %o', async (message) => {
    const { client, clientPort } = connect();
    await client.ready;
    const pending = failure(client.request('wait', null));
    clientPort.deliver({ channel: 'precision-bench', ...message });
    expect((await pending).code).toBe('WORKER_PROTOCOL');
  });

  test('a silent side has nothing to ask', () => {
    const [a] = ports();
    const channel = new Channel<Silent, Silent>(a);
    // @ts-expect-error no method exists
    channel.request('double', 1).catch(() => {});
  });
});
