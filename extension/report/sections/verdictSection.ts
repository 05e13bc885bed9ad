/** The verdict: the first thing on the page, for a reader with a deadline. */
import { bytesText, decibelsText, notMeasured, pluralText, ratioText } from '../../contract/quantities';
import {
  isBaseline,
  isGpuLatency,
  lowestSqnr,
  lowestSqnrText,
  onnxArtifact,
  taskMetricName,
} from '../../contract/reportQueries';
import type { Report, Variant } from '../../contract/report';
import { html, type Html } from '../html';
import { datum, factList, shareDatum, swatch, type Fact } from './common';

function sqnrDatum({ accuracy }: Variant): Html {
  const { sqnrDb } = lowestSqnr(accuracy);
  return datum(sqnrDb, sqnrDb === null ? lowestSqnrText(accuracy) : decibelsText(sqnrDb));
}

/** The numbers that the choice rests on. */
function headlineFacts(report: Report, variant: Variant): Fact[] {
  const { accuracy, latency, speedup } = variant;
  const task = accuracy?.task ?? null;
  const facts: Fact[] = [];
  if (task !== null && task.top1 !== null) {
    facts.push([taskMetricName(report.variants), shareDatum(task.top1, task.top1Low, task.top1High)]);
  }
  if (task !== null && !isBaseline(variant)) {
    facts.push(['same answers as FP32', shareDatum(task.agreement, task.agreementLow, task.agreementHigh)]);
  }
  if (!isBaseline(variant)) facts.push(['lowest SQNR', sqnrDatum(variant)]);
  const gpuSpeedup = isGpuLatency(latency) ? speedup : null;
  facts.push(['speed-up on the GPU', datum(gpuSpeedup, ratioText(gpuSpeedup))]);
  const bytes = onnxArtifact(variant)?.bytes ?? null;
  facts.push(['ONNX size', datum(bytes, bytesText(bytes))]);
  return facts;
}

function warningsBox(warnings: readonly string[]): Html | false {
  if (warnings.length === 0) return false;
  const items = warnings.map((warning) => html`<li>${warning}</li>`);
  return html`<section class="warnings" aria-labelledby="warnings-title">
    <h2 id="warnings-title">
      Know before you trust it <span class="count">${pluralText(warnings.length, 'warning')}</span>
    </h2>
    <ul>
      ${items}
    </ul>
  </section>`;
}

export function verdictSection(report: Report): Html {
  const { recommended, reasons, warnings } = report.verdict;
  const variant = report.variants.find(({ name }) => name === recommended) ?? null;
  const [lead, ...rest] = reasons;
  const title = variant === null ? html`No recommendation` : html`${swatch(variant)}Use ${variant.name.toUpperCase()}`;
  return html`<section class="verdict" aria-labelledby="verdict-title">
      <p class="eyebrow">Verdict</p>
      <h2 id="verdict-title">${title}</h2>
      <p class="lead">${lead ?? notMeasured}</p>
      ${variant !== null && factList(headlineFacts(report, variant))}
      ${
        rest.length > 0 &&
        html`<ul class="reasons">
          ${rest.map((reason) => html`<li>${reason}</li>`)}
        </ul>`
      }
    </section>
    ${!report.data.representative && html`<p class="banner">The data is not representative: the inputs are random or missing. Accuracy says little about real use.</p>`}
    ${warningsBox(warnings)}`;
}
