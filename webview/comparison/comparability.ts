/** What has to be the same in two reports before their numbers may be set against each other. Pure. */
import type { Report } from '../../extension/contract/report';
import { latencyDevices } from '../../extension/contract/reportQueries';
import { t } from '../common/l10n';

function sameEvaluation(a: Report, b: Report): boolean {
  const [first, second] = [a.data.evaluation, b.data.evaluation];
  if (first === null || second === null) return false;
  return first.sha256 !== null && first.sha256 === second.sha256 && first.samples === second.samples;
}

/** Sentences on what differs; empty when everything may be compared. */
export function comparability(a: Report, b: Report): string[] {
  const [devicesA, devicesB] = [latencyDevices(a.variants), latencyDevices(b.variants)];
  const notes: string[] = [];
  if (a.model.sha256 !== b.model.sha256) notes.push(t('The two runs converted different models.'));
  if (!sameEvaluation(a, b))
    notes.push(t('They were evaluated on different samples: accuracy differs for that reason, too.'));
  if (devicesA.join() !== devicesB.join())
    notes.push(t('They were measured on different devices: latencies are not comparable.'));
  return notes;
}
