/** The verdict first, for a reader with a deadline; then what to know before trusting it. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { bytesText, ratioText } from '../../extension/contract/quantities';
import type { Report, Variant } from '../../extension/contract/report';
import { accuracyScale, engineArtifacts, isGpuLatency, onnxArtifact } from '../../extension/contract/reportQueries';
import { icons } from '../common/icons';
import { t } from '../common/l10n';
import { button } from '../common/toolkit';
import { numberCell, scaleCell, sqnrCell, swatch, type Cell } from './cells';
import type { ComparisonActions, ComparisonState } from './comparisonState';
import { scaleTitle } from './figures';
import { fold } from './fold';

function headline({ variants }: Report, variant: Variant): [string, Cell][] {
  const scale = accuracyScale(variants);
  const engine = engineArtifacts(variant)[0];
  return [
    ...(scale === null ? [] : [[scaleTitle(scale), scaleCell(scale, variant)] satisfies [string, Cell]]),
    ...(scale?.isShare === false ? [] : [[t('Lowest SQNR'), sqnrCell(variant)] satisfies [string, Cell]]),
    [
      t('Speed-up on the GPU'),
      isGpuLatency(variant.latency) ? numberCell(ratioText(variant.speedup)) : t('not measured'),
    ],
    engine === undefined
      ? [t('ONNX size'), numberCell(bytesText(onnxArtifact(variant)?.bytes))]
      : [t('Engine size'), numberCell(bytesText(engine.bytes))],
  ];
}

/** To the file that is to be deployed. */
function engineButtons(variant: Variant, actions: ComparisonActions): TemplateResult | typeof nothing {
  const engine = engineArtifacts(variant)[0];
  if (engine === undefined) return nothing;
  return html`<div class="buttons">
    ${button({ label: t('Reveal Engine'), action: 'revealEngine', icon: icons.folder, onClick: () => actions.reveal(engine.path) })}
    ${button({ label: t('Open Engine'), action: 'openRecommended', icon: icons.external, onClick: () => actions.openEngine(engine.path) })}
  </div>`;
}

export function verdictSection(report: Report, state: ComparisonState, actions: ComparisonActions): TemplateResult {
  const { recommended, reasons, warnings } = report.verdict;
  const variant = report.variants.find(({ name }) => name === recommended);
  const [lead, ...rest] = reasons;
  return html`<section class="card verdict ${variant === undefined ? 'none' : ''}" aria-labelledby="verdict-title">
      <h2 id="verdict-title">
        ${variant === undefined ? t('No recommendation') : html`${swatch(variant)}${t('Use {0}', variant.name.toUpperCase())}`}
      </h2>
      <p>${lead ?? ''}</p>
      ${
        variant === undefined
          ? nothing
          : html`<dl class="facts">
              ${headline(report, variant).map(
                ([name, value]) =>
                  html`<div>
                    <dt>${name}</dt>
                    <dd>${value}</dd>
                  </div>`,
              )}
            </dl>`
      }
      ${variant === undefined ? nothing : engineButtons(variant, actions)}
      ${
        rest.length === 0
          ? nothing
          : fold(state, actions, {
              id: 'reasons',
              level: 3,
              title: t('More reasons'),
              body: () =>
                html`<ul class="bullets">
                  ${rest.map((reason) => html`<li>${reason}</li>`)}
                </ul>`,
            })
      }
    </section>
    ${
      report.data.representative
        ? nothing
        : html`<div class="box warning" role="status">
            <div class="box-icon">${icons.warning}</div>
            <p class="box-body">
              ${t('The data is not representative: inputs are random or missing. Accuracy says little about real use.')}
            </p>
          </div>`
    }
    ${
      warnings.length === 0
        ? nothing
        : fold(state, actions, {
            id: 'warnings',
            title: html`<span class="warn-icon">${icons.warning}</span>${t('Know before you trust it')}
              <span class="count">${warnings.length}</span>`,
            body: () =>
              html`<ul class="bullets">
                ${warnings.map((warning) => html`<li>${warning}</li>`)}
              </ul>`,
          })
    }`;
}
