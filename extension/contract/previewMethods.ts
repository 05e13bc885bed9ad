/**
 * What the panels ask of the worker beside the pipeline's stages (`stageMethods.ts`): looking at data without converting.
 * All paths are absolute.
 */
import type { DataPreview } from './panels/convertPanel';
import type { Plan } from './plan';

export type PreviewMethods = {
  previewData: {
    params: {
      readonly model: string;
      readonly plan: Plan;
      readonly baseDir: string;
      readonly python: string;
      readonly of: 'calibration' | 'evaluation';
      /** Some samples, spread over the data, or those of certain names. */
      readonly pick: { readonly count: number } | { readonly ids: readonly string[] };
    };
    result: DataPreview;
  };
  /** Small PNG data URLs; null where a file is gone or no picture. */
  pictures: { params: { readonly files: readonly string[] }; result: (string | null)[] };
};
