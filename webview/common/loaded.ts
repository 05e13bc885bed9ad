/** Something asked of the host: on its way, here, or refused. A view shows all three. */
import { CodedError, type ErrorData } from '../../extension/contract/errors';

export type Loaded<T> =
  | { readonly state: 'loading' }
  | { readonly state: 'ready'; readonly value: T }
  | { readonly state: 'failed'; readonly error: ErrorData };

export const loading = { state: 'loading' } as const;

/** The outcome of a request; never rejects. */
export async function settled<T>(request: Promise<T>): Promise<Loaded<T>> {
  try {
    return { state: 'ready', value: await request };
  } catch (error) {
    return { state: 'failed', error: CodedError.from(error).toJSON() };
  }
}

export function readyValue<T>(loaded: Loaded<T> | null): T | null {
  return loaded?.state === 'ready' ? loaded.value : null;
}
