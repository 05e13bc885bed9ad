/** The engine page: what an engine is, whether it runs here, and what it is made of. */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { EnginePassport, PassportLayer } from '../../extension/contract/enginePassport';
import type { EngineContents, EngineFit } from '../../extension/contract/panels/engineViewer';
import { bytesText, countText, millisecondsText, percentText } from '../../extension/contract/quantities';
import { fileName } from '../../extension/contract/reportQueries';
import { dateText } from '../common/dateText';
import { errorBox, failedRequest } from '../common/errorBox';
import { icons } from '../common/icons';
import { quantity, t } from '../common/l10n';
import { nativeSelect } from '../common/nativeSelect';
import { button, progressRing, textField } from '../common/toolkit';
import { windowedTable } from '../common/windowedTable';
import { orderLayers, searchLayers, sharesByPrecision, totalMs, type LayerOrder } from './engineLayers';
import type { EngineActions, EngineState } from './engineState';

function head({ path, bytes, report, onnx, passport }: EngineContents, actions: EngineActions): TemplateResult {
  return html`<header class="page-head">
    <div class="title">
      <h1>${fileName(path)}</h1>
      <p class="quiet small">${bytesText(bytes)}</p>
    </div>
    <div class="buttons">
      ${report === null ? nothing : button({ label: t('Open Report'), action: 'openReport', icon: icons.external, onClick: () => actions.press('openReport') })}
      ${passport === null ? nothing : button({ label: t('Passport as JSON'), action: 'openPassport', icon: icons.file, onClick: () => actions.press('openPassport') })}
      ${button({ label: t('Reveal'), action: 'reveal', icon: icons.folder, onClick: () => actions.press('reveal') })}
      ${onnx === null ? nothing : button({ label: t('Build Again…'), action: 'rebuild', kind: 'primary', icon: icons.refresh, onClick: () => actions.press('rebuild') })}
    </div>
  </header>`;
}

function fitBox(fit: EngineFit): TemplateResult {
  const kind = fit.runsHere === null ? 'unknown' : fit.runsHere ? 'good' : 'warning';
  return html`<section class="fit ${kind}" aria-labelledby="fit-title">
    <p class="fit-line">
      ${fit.runsHere === true ? icons.check : fit.runsHere === false ? icons.warning : icons.info}
      <strong id="fit-title"
        >${fit.runsHere === null ? t('It cannot be told whether it runs here') : fit.runsHere ? t('Runs on this machine') : t('Does not run on this machine')}</strong
      >
    </p>
    <p>${fit.reason}</p>
    ${fit.differences.length === 0 ? nothing : differences(fit)}
  </section>`;
}

function differences({ differences: rows }: EngineFit): TemplateResult {
  return html`<div class="scroll-x" tabindex="0" role="group" aria-label=${t('Differences with this machine')}>
    <table class="differences">
      <thead>
        <tr>
          <th scope="col">${t('What')}</th>
          <th scope="col">${t('Engine')}</th>
          <th scope="col">${t('This machine')}</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ({ field, engine, here, matters }) =>
            html`<tr class=${matters ? 'matters' : ''}>
              <th scope="row">
                ${field}
                <span class=${matters ? 'badge failed' : 'badge'}>${matters ? t('must match') : t('may differ')}</span>
              </th>
              <td>${engine}</td>
              <td>${here}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function fit(state: EngineState, actions: EngineActions): TemplateResult {
  switch (state.fit.state) {
    case 'loading':
      return html`<p class="loading">
        ${progressRing(t('Comparing with this machine'))}${t('Comparing with this machine…')}
      </p>`;
    case 'failed':
      return failedRequest(state.fit.error, actions.compareAgain);
    case 'ready':
      return fitBox(state.fit.value);
  }
}

const yesNo = (value: boolean): string => (value ? t('yes') : t('no'));

function passportRows(passport: EnginePassport, sha256: string): [string, string | TemplateResult][] {
  const { tensorrt, gpu, targets, model, plan } = passport;
  const hash = (value: string): TemplateResult => html`<span class="mono hash" title=${value}>${value}</span>`;
  return [
    [t('Built'), dateText(passport.createdAt)],
    [t('TensorRT'), `${tensorrt.backend} ${tensorrt.version}`],
    [
      t('Built on'),
      gpu === null ? t('a machine without a GPU') : `${gpu.name} (${gpu.computeCapability}, ${gpu.driver})`,
    ],
    [t('Built for'), targets.length === 0 ? t('that GPU') : targets.join(', ')],
    [t('Precision'), passport.precision.toUpperCase()],
    [
      t('Typing'),
      passport.typing === 'strong' ? t('strong (types of the graph)') : t('weak (types chosen by the optimizer)'),
    ],
    [t('Version compatible'), yesNo(passport.versionCompatible)],
    [t('Hardware compatible'), yesNo(passport.hardwareCompatible)],
    [t('Model'), html`<span class="path">${model.file}</span> ${hash(model.sha256)}`],
    [t('Hash of the engine'), hash(sha256)],
    [t('Hash of the build request'), hash(plan.sha256)],
  ];
}

function passportTable(passport: EnginePassport, sha256: string): TemplateResult {
  return html`<section aria-labelledby="passport-title">
    <h2 id="passport-title">${t('Passport')}</h2>
    <table class="passport">
      <tbody>
        ${passportRows(passport, sha256).map(
          ([name, value]) =>
            html`<tr>
              <th scope="row">${name}</th>
              <td>${value}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </section>`;
}

const sizes = (values: readonly (number | null)[]): string => values.map((size) => size ?? '?').join('×');

function bindingsTable({ bindings }: EnginePassport): TemplateResult {
  return html`<section aria-labelledby="bindings-title">
    <h2 id="bindings-title">${t('Bindings')}</h2>
    <div class="scroll-x" tabindex="0" role="group" aria-label=${t('Bindings')}>
      <table>
        <thead>
          <tr>
            <th scope="col">${t('Tensor')}</th>
            <th scope="col">${t('Direction')}</th>
            <th scope="col">${t('Type')}</th>
            <th scope="col">${t('Shape')}</th>
            <th scope="col">${t('Memory layout')}</th>
          </tr>
        </thead>
        <tbody>
          ${bindings.map(
            ({ name, direction, dtype, shape, formats, kind }) =>
              html`<tr>
                <th scope="row" class="mono">${name}</th>
                <td>${direction === 'input' ? t('input') : t('output')}</td>
                <td>${dtype}</td>
                <td class="mono">
                  ${sizes(shape)}${kind === 'shape' ? html` <span class="chip">${t('holds a shape')}</span>` : nothing}
                </td>
                <td>${formats.length === 0 ? 'linear' : formats.join(', ')}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

function profilesTable({ profiles }: EnginePassport): TemplateResult | typeof nothing {
  if (profiles.every((profile) => profile.length === 0)) return nothing;
  const separator = (holds: 'sizes' | 'values'): string => (holds === 'sizes' ? '×' : ', ');
  return html`<section aria-labelledby="profiles-title">
    <h2 id="profiles-title">${t('Optimization profiles')}</h2>
    <div class="scroll-x" tabindex="0" role="group" aria-label=${t('Optimization profiles')}>
      <table>
        <thead>
          <tr>
            <th scope="col">${t('Profile')}</th>
            <th scope="col">${t('Input')}</th>
            <th scope="col">min</th>
            <th scope="col">opt</th>
            <th scope="col">max</th>
          </tr>
        </thead>
        <tbody>
          ${profiles.map((inputs, index) =>
            inputs.map(
              ({ input, holds, min, opt, max }) =>
                html`<tr>
                  <td>${index + 1}</td>
                  <th scope="row" class="mono">
                    ${input}${holds === 'values' ? html` <span class="chip">${t('values')}</span>` : nothing}
                  </th>
                  ${[min, opt, max].map((bound) => html`<td class="mono">${bound.join(separator(holds))}</td>`)}
                </tr>`,
            ),
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

function shares(layers: readonly PassportLayer[]): TemplateResult {
  const total = totalMs(layers);
  return html`<ul class="chips" aria-label=${t('Layers by precision')}>
    ${sharesByPrecision(layers).map(
      ({ precision, layers: count, ms }) =>
        html`<li class="chip">
          <span class="swatch ${precision}"></span>${precision}
          <span class="quiet"
            >${t('{0} layers', countText(count))}${ms === null || total === null || total === 0 ? nothing : `, ${t('{0} of the time', percentText(ms / total, 0))}`}</span
          >
        </li>`,
    )}
  </ul>`;
}

function layerRow(layer: PassportLayer, rowIndex: number, total: number | null): TemplateResult {
  const { name, type, precision, tactic, nodes, inputs, outputs, ms } = layer;
  const more = [
    name,
    ...nodes.map((node) => `ONNX: ${node}`),
    ...inputs.map((text) => `→ ${text}`),
    ...outputs.map((text) => `← ${text}`),
    tactic ?? '',
  ];
  return html`<tr aria-rowindex=${rowIndex} title=${more.filter((text) => text !== '').join('\n')}>
    <th scope="row" class="mono">${name}</th>
    <td>${type}</td>
    <td><span class="swatch ${precision}"></span>${precision}</td>
    <td class="num">${quantity(millisecondsText(ms))}</td>
    <td class="num">${ms === null || total === null || total === 0 ? '' : percentText(ms / total, 1)}</td>
  </tr>`;
}

function layersTable(layers: readonly PassportLayer[], state: EngineState, actions: EngineActions): TemplateResult {
  const { search, order } = state.view;
  const found = orderLayers(searchLayers(layers, search), order);
  const total = totalMs(layers);
  return html`${shares(layers)}
    <div class="layer-tools">
      ${textField({ label: t('Search layers, types, nodes'), labelHidden: true, field: 'layerSearch', value: search, placeholder: t('Search layers, types, nodes'), onInput: actions.search })}
      ${nativeSelect({
        label: t('Order of the layers'),
        field: 'layerOrder',
        value: order,
        choices: [
          { value: 'time', label: t('Slowest first') },
          { value: 'engine', label: t('As the engine runs them') },
        ],
        onChange: (value) => actions.order(value as LayerOrder),
      })}
    </div>
    <p class="quiet small" aria-live="polite">
      ${found.length === layers.length ? t('{0} layers', countText(layers.length)) : t('{0} of {1} layers', countText(found.length), countText(layers.length))}${total === null ? nothing : `, ${t('{0} together', millisecondsText(total))}`}
    </p>
    ${
      found.length === 0
        ? html`<p class="quiet">${t('No layer fits the search.')}</p>`
        : windowedTable({
            label: t('Layers of the engine'),
            head: html`<th scope="col">${t('Layer')}</th>
              <th scope="col">${t('Type')}</th>
              <th scope="col">${t('Precision')}</th>
              <th scope="col" class="num">${t('Time')}</th>
              <th scope="col" class="num">${t('Share')}</th>`,
            columns: 5,
            rows: found,
            row: (layer, rowIndex) => layerRow(layer, rowIndex, total),
            top: state.layerScroll,
            onScroll: actions.scrollLayers,
          })
    }`;
}

function layers(state: EngineState, passport: EnginePassport, actions: EngineActions): TemplateResult {
  return html`<section aria-labelledby="layers-title">
    <h2 id="layers-title">${t('Layers')}</h2>
    ${
      passport.layers === null
        ? html`<p class="quiet">
            ${t('The machine that built the engine could not open it, so its layers are not known.')}
          </p>`
        : layersTable(passport.layers, state, actions)
    }
  </section>`;
}

function withoutPassport(): TemplateResult {
  return html`<section class="empty">
    <p>${t('There is no passport beside this engine, so nothing is known of it: an engine file is opaque.')}</p>
    <p class="quiet">
      ${t('Precision Bench writes one with every engine that it builds, as ENGINE.passport.json. Keep the two together.')}
    </p>
  </section>`;
}

export function engineView(state: EngineState, actions: EngineActions): TemplateResult {
  const { contents, refusal } = state;
  const { passport, warning } = contents;
  return html`${head(contents, actions)}
  ${refusal === null ? nothing : errorBox(refusal, [{ action: 'dismiss', label: t('Dismiss') }], actions.dismissRefusal)}
  ${
    warning === null
      ? nothing
      : html`<div class="box warning" role="status">
          <div class="box-icon">${icons.warning}</div>
          <p class="box-body">${warning}</p>
        </div>`
  }
  ${
    passport === null
      ? withoutPassport()
      : html`${fit(state, actions)}
          <div class="pair">
            ${passportTable(passport, contents.sha256)}
            <div>${bindingsTable(passport)}${profilesTable(passport)}</div>
          </div>
          ${layers(state, passport, actions)}`
  }`;
}
