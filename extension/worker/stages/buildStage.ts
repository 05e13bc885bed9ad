/** `build`: one engine of one variant for one architecture. */
import type { Backend } from '../../backends/backend';
import { chooseBuilder } from '../../backends/choose';
import { buildEngine } from '../../build/buildEngine';
import type { RunOptions } from '../../contract/progress';
import type { StageMethods } from '../../contract/stageMethods';

export function buildStage(
  params: StageMethods['build']['params'],
  backends: readonly Backend[],
  options: RunOptions,
): Promise<StageMethods['build']['result']> {
  return buildEngine(params, chooseBuilder(backends, params.backend), options);
}
