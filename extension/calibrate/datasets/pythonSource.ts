/**
 * `file.py:ClassName`: the user's own Python data set, run in the user's interpreter (issue: torch2trt's
 * `int8_calib_dataset`).
 */
import { CodedError } from '../../contract/errors';
import type { OpenDatasetOptions } from '../dataset';
import type { SampleSource } from './sampleSource';

export function openPython(
  _file: string,
  _expression: string | null,
  _options: OpenDatasetOptions,
): Promise<SampleSource> {
  throw new CodedError({ code: 'DATA_PYTHON', reason: 'Python data sets are not available yet.', fix: 'Wait.' });
}
