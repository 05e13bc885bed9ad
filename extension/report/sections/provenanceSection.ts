/** Where the numbers come from and how to get them again: model, data, host, command line, plan. */
import { bytesText, countText, notMeasured } from '../../contract/quantities';
import type { DataCard, Report } from '../../contract/report';
import { html, type Html } from '../html';
import { datum, factList, type Fact } from './common';

type Value = Report['model']['inputs'][number];

function valueText({ name, dtype, shape }: Value): Html {
  const sizes = shape === null ? 'unknown rank' : `[${shape.map((size) => size ?? '?').join(', ')}]`;
  return html`<div><code>${name}</code> ${dtype} ${sizes}</div>`;
}

function modelFacts({ model }: Report): Fact[] {
  return [
    ['file', html`<code>${model.path}</code>`],
    ['size', datum(model.bytes, bytesText(model.bytes))],
    ['opset, IR version', `${model.opset}, ${model.irVersion}`],
    ['nodes', datum(model.nodes, countText(model.nodes))],
    ['parameters', datum(model.parameters, countText(model.parameters))],
    ['inputs', model.inputs.map(valueText)],
    ['outputs', model.outputs.map(valueText)],
    ['SHA-256', html`<code class="hash">${model.sha256}</code>`],
  ];
}

function cardText(card: DataCard | null): Html {
  if (card === null) return html`<span class="missing">none</span>`;
  const hash = card.sha256 !== null && html`<div><code class="hash">${card.sha256}</code></div>`;
  return html`<div><code>${card.source}</code></div>
    <div>${card.kind}, ${countText(card.samples)} samples</div>
    ${hash}`;
}

function dataFacts({ data }: Report): Fact[] {
  const { evaluation } = data;
  const facts: Fact[] = [
    ['calibration', cardText(data.calibration)],
    ['evaluation', cardText(evaluation)],
  ];
  if (evaluation !== null) {
    facts.push(['labels', evaluation.labelled ? 'yes' : 'no'], ['unreadable, left out', countText(evaluation.skipped)]);
  }
  return [...facts, ['split', data.split], ['representative', data.representative ? 'yes' : 'no']];
}

function hostFacts({ host, tool, createdAt }: Report): Fact[] {
  const { gpu } = host;
  const gpuText = gpu === null ? 'none' : `${gpu.name}, compute capability ${gpu.computeCapability}`;
  const backends = host.backends.map(
    ({ name, version, library }) =>
      html`<div>${name} ${version ?? '(version unknown)'}${library !== null && html` <code>${library}</code>`}</div>`,
  );
  return [
    ['system', host.os],
    ['CPU', `${host.cpu}, ${host.cores} cores`],
    ['GPU', gpuText],
    ['driver', gpu === null ? html`<span class="missing">–</span>` : (gpu.driver ?? notMeasured)],
    ['backends', backends],
    ['made by', `${tool.name} ${tool.version}`],
    ['made at', html`<time datetime="${createdAt}">${createdAt}</time>`],
  ];
}

export function provenanceSection(report: Report): Html {
  return html`<section aria-labelledby="provenance-title">
    <h2 id="provenance-title">Provenance</h2>
    <h3>To reproduce</h3>
    <div class="command">
      <pre tabindex="0"><code id="command">${report.command}</code></pre>
      <button type="button" id="copy" hidden>Copy</button>
    </div>
    <div class="cards">
      <div>
        <h3>Model</h3>
        ${factList(modelFacts(report))}
      </div>
      <div>
        <h3>Data</h3>
        ${factList(dataFacts(report))}
      </div>
      <div>
        <h3>Host</h3>
        ${factList(hostFacts(report))}
      </div>
    </div>
    <details class="block">
      <summary>The plan in full</summary>
      <pre class="plan" tabindex="0"><code>${JSON.stringify(report.plan, null, 2)}</code></pre>
    </details>
  </section>`;
}
