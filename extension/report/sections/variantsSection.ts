/** Everything known about each variant: outputs, calibration, nodes kept, engine, files. */
import {
  bytesText,
  countText,
  decibelsText,
  notMeasured,
  percentText,
  pluralText,
  probabilityText,
  secondsText,
  significantText,
} from '../../contract/quantities';
import type {
  Accuracy,
  Artifact,
  BuildSummary,
  CalibrationSummary,
  Decision,
  OutputAccuracy,
  Report,
  Variant,
} from '../../contract/report';
import { html, type Html } from '../html';
import { dataTable, datum, factList, swatch, type Fact, type TableColumn } from './common';

/** Names listed per reason; the rest is counted, report.json holds them all. */
const namesShown = 40;

const outputColumns: readonly TableColumn<OutputAccuracy>[] = [
  { title: 'Output', cell: ({ name }) => html`<code>${name}</code>` },
  {
    title: 'SQNR',
    numeric: true,
    cell: ({ sqnrDb, maxAbs }) => datum(sqnrDb, maxAbs === 0 ? 'identical' : decibelsText(sqnrDb)),
  },
  { title: 'Cosine', numeric: true, cell: ({ cosine }) => datum(cosine, cosine?.toFixed(6) ?? notMeasured) },
  { title: 'Max abs', numeric: true, cell: ({ maxAbs }) => datum(maxAbs, significantText(maxAbs)) },
  { title: 'Mean abs', numeric: true, cell: ({ meanAbs }) => datum(meanAbs, significantText(meanAbs)) },
  { title: 'Max rel', numeric: true, cell: ({ maxRel }) => datum(maxRel, significantText(maxRel)) },
  { title: 'NaN, Inf', numeric: true, cell: ({ nonFinite }) => datum(nonFinite, countText(nonFinite)) },
];

function accuracyPart(accuracy: Accuracy): Html {
  const { task } = accuracy;
  const facts: Fact[] = [
    ['samples', datum(accuracy.samples, countText(accuracy.samples))],
    ['run by', `${accuracy.backend}${accuracy.simulated ? ', simulated' : ''}`],
  ];
  if (task !== null) {
    facts.push(['task', task.kind], ['labelled', datum(task.labelled, countText(task.labelled))]);
    if (task.top5 !== null) facts.push(['top-5', datum(task.top5, percentText(task.top5))]);
    if (task.lost !== null && task.gained !== null) {
      facts.push(
        ['right answers lost', datum(task.lost, countText(task.lost))],
        ['gained', datum(task.gained, countText(task.gained))],
        ['McNemar test', datum(task.mcnemarP, probabilityText(task.mcnemarP))],
      );
    }
  }
  return html`<h4>Accuracy</h4>
    ${factList(facts)}
    <div class="scroll">${dataTable('Each output against that of FP32', outputColumns, accuracy.outputs)}</div>`;
}

function calibrationPart(calibration: CalibrationSummary): Html {
  const facts: Fact[] = [
    ['algorithm', calibration.algorithm],
    ['calibrator', calibration.calibrator],
    ['samples', datum(calibration.samples, countText(calibration.samples))],
    ['batch', datum(calibration.batchSize, countText(calibration.batchSize))],
    ['tensors with a scale', datum(calibration.tensors, countText(calibration.tensors))],
    [
      'time',
      calibration.cacheHit ? 'reused from a table' : datum(calibration.seconds, secondsText(calibration.seconds)),
    ],
    ['peak memory', datum(calibration.peakRssBytes, bytesText(calibration.peakRssBytes))],
  ];
  const unfit = calibration.unfit.map(
    ({ tensor, algorithm, reason }) => html`<li><code>${tensor}</code> (${algorithm}): ${reason}</li>`,
  );
  return html`<h4>Calibration</h4>
    ${factList(facts)}
    ${
      unfit.length > 0 &&
      html`<p>Tensors that the calibration does not fit:</p>
        <ul class="names">
          ${unfit}
        </ul>`
    }`;
}

function decisionsPart(decisions: readonly Decision[]): Html {
  const groups = new Map<string, Decision[]>();
  for (const decision of decisions) {
    const key = `${decision.precision}\n${decision.reason}`;
    groups.set(key, [...(groups.get(key) ?? []), decision]);
  }
  const blocks = [...groups.values()].map((group) => {
    const names = group
      .slice(0, namesShown)
      .map(({ node, opType }) => html`<li><code>${node}</code> <span class="op">${opType}</span></li>`);
    const more = group.length - namesShown;
    const { precision = '', reason = '' } = group[0] ?? {};
    return html`<details class="reason">
      <summary>${pluralText(group.length, 'node')} in ${precision.toUpperCase()}: ${reason}</summary>
      <ul class="names">
        ${names}${more > 0 && html`<li>and ${countText(more)} more, listed in report.json</li>`}
      </ul>
    </details>`;
  });
  return html`<h4>Nodes kept in a higher precision</h4>
    ${blocks}`;
}

function buildPart(build: BuildSummary): Html {
  const facts: Fact[] = [
    ['built by', build.version === null ? build.backend : `${build.backend} ${build.version}`],
    ['target', build.target ?? 'this GPU'],
    ['time', datum(build.seconds, secondsText(build.seconds))],
    ['layers', datum(build.layers, countText(build.layers))],
  ];
  for (const [precision, share] of Object.entries(build.realised ?? {})) {
    facts.push([`layers in ${precision.toUpperCase()}`, datum(share.layers, percentText(share.layers, 0))]);
  }
  if (build.realised === null) facts.push(['precision realised', html`<span class="missing">${notMeasured}</span>`]);
  return html`<h4>Engine</h4>
    ${factList(facts)}`;
}

const artifactColumns: readonly TableColumn<Artifact>[] = [
  { title: 'File', cell: ({ path }) => html`<code>${path}</code>` },
  { title: 'Kind', cell: ({ kind, target }) => (target === null ? kind : `${kind}, ${target}`) },
  { title: 'Size', numeric: true, cell: ({ bytes }) => datum(bytes, bytesText(bytes)) },
  { title: 'SHA-256', cell: ({ sha256 }) => html`<code class="hash">${sha256}</code>` },
];

function variantBlock(variant: Variant): Html {
  const { accuracy, artifacts, build, calibration, decisions, error, status } = variant;
  return html`<details class="block">
    <summary>
      ${swatch(variant)}${variant.name}${status !== 'ok' && html` <span class="status ${status}">${status}</span>`}
    </summary>
    ${error !== null && html`<p class="failure"><code>${error.code}</code> ${error.reason} <span class="fix">${error.fix}</span></p>`}
    ${accuracy !== null && accuracyPart(accuracy)} ${calibration !== null && calibrationPart(calibration)}
    ${decisions.length > 0 && decisionsPart(decisions)} ${build !== null && buildPart(build)}
    ${
      artifacts.length > 0 &&
      html`<h4>Files</h4>
        <div class="scroll">
          ${dataTable(`Files of ${variant.name}, relative to the report`, artifactColumns, artifacts)}
        </div>`
    }
  </details>`;
}

export function variantsSection(report: Report): Html {
  return html`<section aria-labelledby="variants-title">
    <h2 id="variants-title">Details by variant</h2>
    ${report.variants.map(variantBlock)}
  </section>`;
}
