/** One variant in detail: realised precision, calibration, files, and the samples that it serves worst. */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { SamplePicture, ShownReport } from '../../extension/contract/panels/comparisonView';
import { bytesText, countText, decibelsText, percentText, secondsText } from '../../extension/contract/quantities';
import type { Artifact, BuildSummary, Variant } from '../../extension/contract/report';
import { fileName } from '../../extension/contract/reportQueries';
import { icons } from '../common/icons';
import { quantity, t } from '../common/l10n';
import { readyValue } from '../common/loaded';
import { button, progressRing } from '../common/toolkit';
import { swatch } from './cells';
import { picturesKey, type ComparisonActions, type ComparisonState } from './comparisonState';
import { fold } from './fold';

type Realised = NonNullable<BuildSummary['realised']>;

/** A bar of shares and the same in words. */
function shareBar(realised: Realised, of: 'layers' | 'time', label: string): TemplateResult | typeof nothing {
  const shares = Object.entries(realised).flatMap(([name, share]) => {
    const value = share[of];
    return value === null || value === 0 ? [] : [{ name, value }];
  });
  if (shares.length === 0) return nothing;
  return html`<div class="realised">
    <p class="small">
      <span class="quiet">${label}:</span>
      ${shares.map(({ name, value }) => `${name} ${percentText(value, 0)}`).join(', ')}
    </p>
    <div class="share-bar" aria-hidden="true">
      ${shares.map(({ name, value }) => html`<span class="share ${name}" .style=${`flex-grow: ${value}`}></span>`)}
    </div>
  </div>`;
}

function built(build: BuildSummary): TemplateResult {
  const where = build.target === null ? t('this GPU') : build.target;
  const version = build.version === null ? build.backend : `${build.backend} ${build.version}`;
  const took = build.seconds === null ? nothing : t(', took {0}', secondsText(build.seconds));
  return html`<p class="small">${t('Built by {0} for {1}', version, where)}${took}</p>
    ${
      build.realised === null
        ? html`<p class="quiet small">
            ${t('Which precision its layers really run in is not known: the engine could not be opened here.')}
          </p>`
        : html`${shareBar(build.realised, 'layers', t('Layers'))}${shareBar(build.realised, 'time', t('Time'))}`
    }`;
}

function calibrated({ calibration }: Variant): TemplateResult | typeof nothing {
  if (calibration === null) return nothing;
  const { algorithm, samples, batchSize, tensors, cacheHit, seconds } = calibration;
  const took = cacheHit ? t('table reused') : quantity(secondsText(seconds));
  return html`<p class="small">
    ${t('Calibrated by {0} on {1} samples in batches of {2}: {3} tensors, {4}.', algorithm, countText(samples), batchSize, countText(tensors), took)}
  </p>`;
}

function artifactRow(artifact: Artifact, actions: ComparisonActions): TemplateResult {
  const { path, bytes, target, kind } = artifact;
  const name = fileName(path);
  return html`<li class="artifact">
    <span class="path">${name}</span>
    <span class="quiet small">${target === null ? '' : `${target}, `}${bytesText(bytes)}</span>
    <span class="grow"></span>
    ${kind === 'engine' ? button({ kind: 'icon', action: 'openEngine', icon: icons.external, label: t('Open {0}', name), onClick: () => actions.openEngine(path) }) : nothing}
    ${button({ kind: 'icon', action: 'revealArtifact', icon: icons.folder, label: t('Reveal {0}', name), onClick: () => actions.reveal(path) })}
  </li>`;
}

function kept(
  { decisions, name }: Variant,
  state: ComparisonState,
  actions: ComparisonActions,
): TemplateResult | typeof nothing {
  if (decisions.length === 0) return nothing;
  return fold(state, actions, {
    id: `kept-${name}`,
    level: 3,
    title: t('{0} nodes stayed in a higher precision', countText(decisions.length)),
    body: () =>
      html`<ul class="decisions" tabindex="0">
        ${decisions.map(
          ({ node, precision, reason }) =>
            html`<li>
              <span class="swatch ${precision}"></span><span class="mono path">${node}</span>
              <span class="quiet">${precision}: ${reason}</span>
            </li>`,
        )}
      </ul>`,
  });
}

type Worst = NonNullable<Variant['accuracy']>['worst'][number];

function worstRow(worst: Worst, picture: SamplePicture | undefined): TemplateResult {
  const { sample, sqnrDb, expected, got } = worst;
  return html`<li class="worst">
    ${
      picture?.picture == null
        ? html`<span class="no-picture">${icons.image}</span>`
        : html`<img src=${picture.picture} alt=${t('Sample {0}', sample)} />`
    }
    <div>
      <p class="path">${sample}</p>
      <p class="small">${quantity(decibelsText(sqnrDb))}</p>
      ${
        got === null
          ? nothing
          : html`<p class="small">
              ${
                expected === null
                  ? t('answers {0}', got)
                  : expected === got
                    ? t('answers {0}, rightly', got)
                    : t('answers {0} for {1}', got, expected)
              }
            </p>`
      }
    </div>
  </li>`;
}

function worstSamples(
  shown: ShownReport,
  variant: Variant,
  state: ComparisonState,
  actions: ComparisonActions,
): TemplateResult | typeof nothing {
  const worst = variant.accuracy?.worst ?? [];
  if (worst.length === 0) return nothing;
  const pictures = state.pictures[picturesKey(shown.id, variant.name)] ?? null;
  return fold(state, actions, {
    id: `worst-${variant.name}`,
    level: 3,
    title: t('{0} worst samples', worst.length),
    onOpen: () => actions.loadPictures(variant.name),
    body: () =>
      html`${pictures?.state === 'loading' ? html`<p class="loading">${progressRing(t('Reading the samples'))}${t('Reading the samples…')}</p>` : nothing}
        <ul class="worst-list">
          ${worst.map((one) =>
            worstRow(
              one,
              readyValue(pictures)?.find(({ sample }) => sample === one.sample),
            ),
          )}
        </ul>`,
  });
}

export function variantSections(
  shown: ShownReport,
  state: ComparisonState,
  actions: ComparisonActions,
): TemplateResult {
  return html`<section aria-labelledby="variants-title">
    <h2 id="variants-title">${t('Variants')}</h2>
    ${shown.report.variants.map((variant) =>
      fold(state, actions, {
        id: `variant-${variant.name}`,
        level: 3,
        title: html`${swatch(variant)}${variant.name}`,
        body: () =>
          html`${variant.build === null ? nothing : built(variant.build)} ${calibrated(variant)}
          ${
            variant.artifacts.length === 0
              ? html`<p class="quiet small">${t('No files.')}</p>`
              : html`<ul class="artifacts">
                  ${variant.artifacts.map((artifact) => artifactRow(artifact, actions))}
                </ul>`
          }
          ${kept(variant, state, actions)} ${worstSamples(shown, variant, state, actions)}`,
      }),
    )}
  </section>`;
}
