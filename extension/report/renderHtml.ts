/**
 * A report as one HTML file that needs nothing else: no network, no second file, no server.
 *
 * All numbers and words are markup and read without scripts; the inlined page script (`webview/report/`) adds charts and
 * the theme switch. The content security policy allows exactly that script and that stylesheet, by hash, and no request.
 */
import { createHash } from 'node:crypto';
import { script, styles } from 'virtual:report-page';
import { countText } from '../contract/quantities';
import { fileName } from '../contract/reportQueries';
import type { Report, Variant } from '../contract/report';
import { Html, html, scriptJson } from './html';
import { chartsSection } from './sections/chartsSection';
import { comparisonSection } from './sections/comparisonSection';
import { provenanceSection } from './sections/provenanceSection';
import { variantsSection } from './sections/variantsSection';
import { verdictSection } from './sections/verdictSection';
import { worstSection } from './sections/worstSection';

/** Inside a script element `</script` would end it, and `<!--` would change how the rest is read. */
const safeScript = script.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');

/** Hashed by the browser byte for byte, so they are never laid out by a template. */
const hash = (text: string): string => `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`;

const policy = [
  "default-src 'none'",
  `script-src ${hash(safeScript)}`,
  `style-src ${hash(styles)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** What the charts need, and no more: the report itself is report.json. */
function chartData(variants: readonly Variant[]): unknown {
  return variants.map(({ name, precision, latency, accuracy, artifacts }) => ({
    name,
    precision,
    latency,
    accuracy: accuracy === null ? null : { ...accuracy, worst: [] },
    artifacts: artifacts.filter(({ kind }) => kind === 'engine'),
  }));
}

function header(report: Report): Html {
  const { model, createdAt, data } = report;
  const day = createdAt.slice(0, 10);
  const samples =
    data.evaluation === null ? 'no evaluation data' : `${countText(data.evaluation.samples)} evaluation samples`;
  return html`<header>
    <div>
      <p class="eyebrow">Precision Bench report</p>
      <h1>${fileName(model.path)}</h1>
      <p class="meta">
        <time datetime="${createdAt}">${day}</time> · ${countText(model.parameters)} parameters · opset ${model.opset} ·
        ${samples}
      </p>
    </div>
    <button type="button" id="theme" hidden></button>
  </header>`;
}

/** @returns the document, ended by a line feed */
export function renderHtml(report: Report): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${fileName(report.model.path)}: precision report</title>
        ${new Html(`<style>${styles}</style>`)}
      </head>
      <body>
        <a class="skip" href="#verdict-title">Skip to the verdict</a>
        ${header(report)}
        <main>
          ${verdictSection(report)} ${comparisonSection(report)} ${chartsSection(report)} ${worstSection(report)}
          ${variantsSection(report)} ${provenanceSection(report)}
        </main>
        <script type="application/json" id="chart-data">
          ${scriptJson(chartData(report.variants))}
        </script>
        ${new Html(`<script>${safeScript}</script>`)}
      </body>
    </html>`;
  return `${page.markup}\n`;
}
