/**
 * The fake TensorRT libraries that CMake's target `native_tests` builds (native/test/), as folders for the search. Each brings a
 * fake CUDA driver with it, so engines of the fake also run. How they are steered: native/test/fake_tensorrt/options.h.
 */
import { existsSync } from 'node:fs';
import * as path from 'node:path';

export const fakeFlavours = ['8', '10', '11', 'rtx'] as const;
export type FakeFlavour = (typeof fakeFlavours)[number];

const folder = path.resolve(import.meta.dirname, '../../build/native/fake');

/** The folder of a flavour's fake; to be given as the setting or in TENSORRT_ROOT. */
export function fakeTensorrt(flavour: FakeFlavour): string {
  return path.join(folder, flavour);
}

export function hasFakeTensorrt(flavour: FakeFlavour): boolean {
  const name = flavour === 'rtx' ? 'libtensorrt_rtx.so.1' : `libnvinfer.so.${flavour}`;
  return process.platform === 'linux' && existsSync(path.join(fakeTensorrt(flavour), name));
}

/** Runs `work` with the fakes told what to do; child processes started meanwhile are told so too. */
export async function steered<T>(options: { tensorrt?: string; cuda?: string }, work: () => Promise<T>): Promise<T> {
  const before = { tensorrt: process.env['PB_FAKE_TENSORRT'], cuda: process.env['PB_FAKE_CUDA'] };
  const set = (name: string, value: string | undefined): void => {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  };
  set('PB_FAKE_TENSORRT', options.tensorrt);
  set('PB_FAKE_CUDA', options.cuda);
  try {
    return await work();
  } finally {
    set('PB_FAKE_TENSORRT', before.tensorrt);
    set('PB_FAKE_CUDA', before.cuda);
  }
}
