/** What a stage is called in notifications. */
import type { Stage } from '../../contract/progress';
import { t } from '../l10n';

export function stageTitle(stage: Stage): string {
  switch (stage) {
    case 'model':
      return t('Reading the model');
    case 'plan':
      return t('Preparing');
    case 'calibrate':
      return t('Calibrating');
    case 'build':
      return t('Building engines');
    case 'measure':
      return t('Measuring latency');
    case 'compare':
      return t('Comparing accuracy');
    case 'report':
      return t('Writing the report');
  }
}
