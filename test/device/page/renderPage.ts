/** Measurements on one GPU as one HTML page: a chart and a table for each report, with its verdict. No script, no network. */
import { html, Html } from '../../../extension/report/html';
import {
  listText,
  millisecondsText,
  notMeasured,
  percentText,
  ratioText,
  secondsText,
} from '../../../extension/contract/quantities';
import { fileName, lowestSqnrText, taskMetricName } from '../../../extension/contract/reportQueries';
import type { Variant } from '../../../extension/contract/report';
import { latencyChart } from './latencyChart';
import type { DeviceFacts, MeasuredReport, OverheadRound } from './measuredReport';

export interface NamedReport {
  /** Name of its file, without the ending. */
  readonly name: string;
  readonly report: MeasuredReport;
}

/** @param css the stylesheet, inlined */
export function renderPage(reports: readonly NamedReport[], css: string): string {
  const [first] = reports;
  const gpu = first?.report.host.gpu?.name ?? 'no GPU';
  const title = `Precision Bench on ${gpu}`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${new Html(css)}
        </style>
      </head>
      <body>
        <h1>${title}</h1>
        <p class="note">
          Made by test/device from the JSON files beside this page, each a report of a conversion. Latency: the GPU's
          own time of the computation, between events; bars are medians, marks the 99th percentile. Accuracy: the
          engine's outputs against the original model in onnxruntime, over all evaluation samples. Build: one variant
          after the other, the first with an empty timing cache; warm: all timings kept; asked again: the engine is in
          the cache. README.md says how it was measured.
        </p>
        <nav>${reports.map(({ name }) => html`<a href="#${name}">${name}</a>`)}</nav>
        ${reports.map(section)}
      </body>
    </html> `;
  return page.markup;
}

function section({ name, report }: NamedReport): Html {
  const { variants, verdict, plan, host, data } = report;
  const engine = variants.find(({ build }) => build !== null)?.build;
  const batch = variants.find(({ latency }) => latency !== null)?.latency?.batch ?? plan.benchmark.batch;
  const facts = [
    fileName(report.model.path),
    `batch ${batch}`,
    ...(engine ? [`${engine.backend} ${engine.version ?? ''}`.trim()] : []),
    `optimization level ${plan.builder.optimizationLevel}`,
    host.gpu?.name ?? 'no GPU',
    `${variants.find(({ accuracy }) => accuracy !== null)?.accuracy?.samples ?? 0} samples of ${fileName(data.evaluation?.source ?? '')}`,
    report.createdAt.slice(0, 10),
  ];
  return html`<section id="${name}">
    <h2>${name}</h2>
    <p class="note">${facts.join(' · ')}</p>
    ${latencyChart(variants, `Median latency of the variants of ${name}`)}
    <div class="scroll">${table(report)}</div>
    <p class="recommended">${verdict.reasons[0]}</p>
    <ul>
      ${verdict.reasons.slice(1).map((reason) => html`<li>${reason}</li>`)}
    </ul>
    ${overhead(report.device)}
  </section> `;
}

interface Column {
  readonly title: string;
  readonly of: (variant: Variant) => string;
}

/** Those in which at least one variant has a number. */
function columnsOf({ variants, device }: MeasuredReport): readonly Column[] {
  const secondAsk = (name: string): number | null => {
    // The first ask opens the library.
    const asks = device?.askedAgain?.[name]?.slice(1).map(({ wallMs }) => wallMs) ?? [];
    return asks.length === 0 ? null : Math.min(...asks);
  };
  const columns: readonly Column[] = [
    { title: 'median', of: ({ latency }) => millisecondsText(latency?.medianMs) },
    { title: 'p99', of: ({ latency }) => millisecondsText(latency?.p99Ms) },
    { title: 'CoV', of: ({ latency }) => percentText(latency?.cov, 1) },
    { title: 'speed-up', of: ({ speedup }) => ratioText(speedup) },
    { title: 'build', of: ({ build }) => secondsText(build?.seconds) },
    { title: 'warm build', of: ({ name }) => secondsText(device?.warmTimingCache?.[name]?.seconds) },
    { title: 'asked again', of: ({ name }) => millisecondsText(secondAsk(name)) },
    { title: 'SQNR', of: ({ accuracy }) => lowestSqnrText(accuracy) },
    { title: taskMetricName(variants), of: ({ accuracy }) => percentText(accuracy?.task?.top1) },
    { title: 'agreement', of: ({ accuracy }) => percentText(accuracy?.task?.agreement) },
  ];
  return columns.filter(({ of }) => variants.some((variant) => of(variant) !== notMeasured));
}

function table(report: MeasuredReport): Html {
  const { variants, verdict } = report;
  const columns = columnsOf(report);
  const rows = variants.map((variant) => {
    const { name, error } = variant;
    const cells = columns
      .map(({ of }) => of(variant))
      .map((text) => html`<td>${text === notMeasured ? '–' : text}</td>`);
    const last = error === null ? realised(variant) : `${error.code}: ${error.reason}`;
    const chosen = verdict.recommended === name ? html` class="chosen"` : null;
    return html`<tr${chosen}><td>${name}</td>${cells}<td class="text">${last}</td></tr>
`;
  });
  return html`<table>
    <thead>
      <tr>
        <th>variant</th>
        ${columns.map(({ title }) => html`<th>${title}</th>`)}
        <th class="text">time by realised type</th>
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`;
}

/** Less is written as 0 %. */
const smallestShare = 0.005;

function realised({ build }: Variant): string {
  const shares = Object.entries(build?.realised ?? {}).sort((a, b) => (b[1].time ?? 0) - (a[1].time ?? 0));
  return shares
    .flatMap(([type, { time }]) => (time === null || time < smallestShare ? [] : [`${type} ${percentText(time, 0)}`]))
    .join(', ');
}

function overhead(device: DeviceFacts | undefined): Html | null {
  const rounds = device?.overhead;
  if (!isRounds(rounds)) return null;
  const over = (of: (round: OverheadRound) => number): string =>
    listText(rounds.map((round) => `${(100 * (of(round) / round.bareMs - 1)).toFixed(1)}%`));
  return html`<p>
    Our runner over a bare loop, ${rounds.length} turns: ${over(({ oursMs }) => oursMs)} with the data on the GPU,
    ${over(({ oursWithCopiesMs }) => oursWithCopiesMs)} with inputs and outputs copied in every run (bare loop
    ${listText(rounds.map(({ bareMs }) => millisecondsText(bareMs)))}).
  </p>`;
}

/** Measurements of before have another form. */
function isRounds(overhead: DeviceFacts['overhead']): overhead is readonly OverheadRound[] {
  return Array.isArray(overhead) && overhead.length > 0;
}
