/** A machine in a few words: for the status bar, its tooltip and the list that a click on it opens. Pure. */
import type { BackendInfo } from '../contract/backendInfo';
import type { Machine } from '../contract/panels/convertPanel';
import { t } from './l10n';

export interface MachineSummary {
  /** Short: GPU and the TensorRT that would build. */
  readonly text: string;
  /** A line for the GPU, one per backend. */
  readonly lines: readonly string[];
}

export const backendTitles: Readonly<Record<BackendInfo['name'], string>> = {
  onnxruntime: 'ONNX Runtime',
  tensorrt: 'TensorRT',
  'tensorrt-rtx': 'TensorRT-RTX',
  fake: 'Fake',
};

export function machineSummary({ backends, host }: Machine): MachineSummary {
  const gpu = host.gpu?.name.replace(/^NVIDIA /, '') ?? t('no GPU');
  const builders = backends.filter(({ name, available }) => available && name.startsWith('tensorrt'));
  const tensorrt = builders.map((info) => titleOf(info)).join(', ');
  return {
    text: `${gpu} · ${tensorrt === '' ? t('no TensorRT') : tensorrt}`,
    lines: [
      host.gpu === null
        ? t('No GPU found')
        : t('{0}, compute capability {1}', host.gpu.name, host.gpu.computeCapability),
      ...backends.map((info) => `${titleOf(info)}: ${abilityOf(info)}`),
    ],
  };
}

export function titleOf({ name, version }: BackendInfo): string {
  return version === null ? backendTitles[name] : `${backendTitles[name]} ${version}`;
}

/** What a backend can do here, or why it cannot. */
export function abilityOf(info: BackendInfo): string {
  if (!info.available) return info.reason ?? t('not available');
  const built = info.targets.join(', ');
  if (info.builds && info.runs) return t('builds and runs engines here');
  if (info.builds) return t('builds engines for {0}', built);
  return info.runs ? t('runs models on this processor') : (info.reason ?? t('not available'));
}
