/**
 * A report as Markdown (GitHub's flavor), for pull requests and wikis: verdict, tables, details, provenance.
 */
import {
  bytesText,
  countText,
  decibelsText,
  intervalText,
  millisecondsText,
  notMeasured,
  percentText,
  probabilityText,
  ratioText,
  secondsText,
  significantText,
} from '../contract/quantities';
import {
  engineArtifacts,
  fileName,
  isGpuLatency,
  latencyDeviceText,
  lowestSqnrText,
  onnxArtifact,
  taskMetricName,
} from '../contract/reportQueries';
import type { Accuracy, Report, Variant } from '../contract/report';

/** Text from files and users, made safe inside Markdown: nothing of it becomes markup, a cell or a line. */
function text(value: string): string {
  return value
    .replace(/[\\`*_{}[\]<>#|~&$!]/g, (character) => `\\${character}`)
    .replace(/\s+/g, ' ')
    .trim();
}

/** A code span that any text fits into: the fence is longer than any run of backticks inside. */
function code(value: string): string {
  const flat = value.replace(/\s+/g, ' ').trim();
  const longest = Math.max(0, ...[...flat.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const padding = flat.startsWith('`') || flat.endsWith('`') ? ' ' : '';
  return `${fence}${padding}${flat}${padding}${fence}`;
}

/** Inside a table even code spans end at a bar. */
const codeCell = (value: string): string => code(value).replaceAll('|', '\\|');

function table(header: readonly string[], rows: readonly (readonly string[])[], left = 1): string[] {
  const rule = header.map((_, i) => (i < left ? '---' : '---:'));
  return [header, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

function shareText(share: number | null, low: number | null, high: number | null): string {
  const bounds = intervalText(low, high);
  return share !== null && bounds !== '' ? `${percentText(share)} (${bounds})` : percentText(share);
}

function comparison(report: Report): string[] {
  const { variants, verdict } = report;
  const header = [
    'Variant',
    'Status',
    `${taskMetricName(variants)} (95% interval)`,
    'Agreement with FP32',
    'Lowest SQNR',
  ];
  header.push('Median latency', 'p99', 'Measured on', 'GPU speed-up', 'ONNX', 'Engines');
  const rows = variants.map((variant) => {
    const { accuracy, latency, name, speedup, status } = variant;
    const task = accuracy?.task ?? null;
    const engines = engineArtifacts(variant).map(
      ({ target, bytes }) => `${text(target ?? 'this GPU')} ${bytesText(bytes)}`,
    );
    return [
      name === verdict.recommended ? `**${text(name)}** (recommended)` : text(name),
      status,
      shareText(task?.top1 ?? null, task?.top1Low ?? null, task?.top1High ?? null),
      shareText(task?.agreement ?? null, task?.agreementLow ?? null, task?.agreementHigh ?? null),
      lowestSqnrText(accuracy),
      millisecondsText(latency?.medianMs),
      millisecondsText(latency?.p99Ms),
      latency === null ? notMeasured : text(latencyDeviceText(latency)),
      isGpuLatency(latency) ? ratioText(speedup) : notMeasured,
      bytesText(onnxArtifact(variant)?.bytes),
      engines.length > 0 ? engines.join(', ') : 'none',
    ];
  });
  return table(header, rows, 2);
}

function outputsTable(accuracy: Accuracy): string[] {
  const rows = accuracy.outputs.map((output) => [
    codeCell(output.name),
    output.maxAbs === 0 ? 'identical' : decibelsText(output.sqnrDb),
    output.cosine === null ? notMeasured : output.cosine.toFixed(6),
    significantText(output.maxAbs),
    significantText(output.meanAbs),
    significantText(output.maxRel),
    countText(output.nonFinite),
  ]);
  return table(['Output', 'SQNR', 'Cosine', 'Max abs', 'Mean abs', 'Max rel', 'NaN/Inf'], rows);
}

function taskLine(accuracy: Accuracy): string[] {
  const { task } = accuracy;
  if (task === null) return [];
  const changes =
    task.lost === null || task.gained === null
      ? 'no labels'
      : `${task.lost} right answers lost, ${task.gained} gained (McNemar ${probabilityText(task.mcnemarP)}, n = ${task.labelled})`;
  const top5 = task.top5 === null ? '' : `, top-5 ${percentText(task.top5)}`;
  return [`Task ${text(task.kind)}: ${changes}${top5}.`, ''];
}

function worstTable(accuracy: Accuracy): string[] {
  if (accuracy.worst.length === 0) return [];
  const cell = (value: string | null): string => (value === null ? '–' : text(value));
  const rows = accuracy.worst.map(({ sample, sqnrDb, label, expected, got }) => [
    codeCell(sample),
    decibelsText(sqnrDb),
    cell(label),
    cell(expected),
    cell(got),
  ]);
  return ['Worst samples:', '', ...table(['Sample', 'SQNR', 'Label', 'FP32 says', 'This says'], rows), ''];
}

/** Nodes kept in a higher precision, grouped: the reasons are few, the nodes many. */
function decisionLines(variant: Variant): string[] {
  const groups = new Map<string, string[]>();
  for (const { node, opType, precision, reason } of variant.decisions) {
    const key = `${text(precision.toUpperCase())}: ${text(reason)}`;
    groups.set(key, [...(groups.get(key) ?? []), `${code(node)} (${text(opType)})`]);
  }
  if (groups.size === 0) return [];
  const lines = [...groups].map(([reason, nodes]) => {
    const more = nodes.length > 8 ? ` and ${nodes.length - 8} more` : '';
    return `- ${countText(nodes.length)} in ${reason}: ${nodes.slice(0, 8).join(', ')}${more}`;
  });
  return ['Nodes kept in a higher precision:', '', ...lines, ''];
}

function calibrationLines({ calibration }: Variant): string[] {
  if (calibration === null) return [];
  const { algorithm, calibrator, samples, batchSize, tensors, seconds, cacheHit, unfit } = calibration;
  const source = cacheHit ? 'reused from a table' : `took ${secondsText(seconds)}`;
  const unfitLines = unfit.map((entry) => `- ${code(entry.tensor)}, ${text(entry.algorithm)}: ${text(entry.reason)}`);
  return [
    `Calibration: ${text(algorithm)} (${text(calibrator)}), ${countText(samples)} samples in batches of ${batchSize}, ${countText(tensors)} tensors, ${source}.`,
    '',
    ...(unfitLines.length > 0 ? ['Tensors that the calibration does not fit:', '', ...unfitLines, ''] : []),
  ];
}

function variantSection(variant: Variant): string[] {
  const { accuracy, artifacts, build, error, name, status } = variant;
  const lines = [`### ${text(name)}`, ''];
  if (error !== null) lines.push(`**${status}**, ${code(error.code)}: ${text(error.reason)} ${text(error.fix)}`, '');
  lines.push(...calibrationLines(variant));
  if (build !== null) {
    const layers = build.layers === null ? '' : `, ${countText(build.layers)} layers`;
    const version = build.version === null ? '' : ` ${text(build.version)}`;
    lines.push(`Engine: ${text(build.backend)}${version}, built in ${secondsText(build.seconds)}${layers}.`, '');
  }
  if (accuracy !== null) {
    if (accuracy.simulated) lines.push('Accuracy was simulated: rounding casts around FP32 compute.', '');
    lines.push(...taskLine(accuracy), ...outputsTable(accuracy), '', ...worstTable(accuracy));
  }
  lines.push(...decisionLines(variant));
  if (artifacts.length > 0) {
    const rows = artifacts.map((file) => [codeCell(file.path), bytesText(file.bytes), `\`${text(file.sha256)}\``]);
    lines.push(...table(['File', 'Size', 'SHA-256'], rows), '');
  }
  return lines;
}

function provenance(report: Report): string[] {
  const { command, createdAt, data, host, model, tool } = report;
  const gpu = host.gpu === null ? 'none' : text(`${host.gpu.name} (${host.gpu.computeCapability})`);
  const backends = host.backends.map(({ name, version }) => text(version === null ? name : `${name} ${version}`));
  const source = (card: { source: string; kind: string; samples: number } | null): string =>
    card === null ? 'none' : `${code(card.source)} (${text(card.kind)}), ${countText(card.samples)} samples`;
  return [
    `- Model: ${code(model.path)}, ${bytesText(model.bytes)}, opset ${model.opset}, ${countText(model.nodes)} nodes, ${countText(model.parameters)} parameters, SHA-256 \`${text(model.sha256)}\``,
    `- Calibration data: ${source(data.calibration)}`,
    `- Evaluation data: ${source(data.evaluation)}`,
    `- Split: ${text(data.split)}`,
    `- Host: ${text(host.os)}, ${text(host.cpu)} (${host.cores} cores), GPU: ${gpu}`,
    `- Backends: ${backends.join(', ')}`,
    `- ${text(tool.name)} ${text(tool.version)}, ${text(createdAt)}`,
    '',
    'To reproduce:',
    '',
    fenced(command, 'sh'),
  ];
}

/** A fenced block whose fence no line of the text can close. */
function fenced(value: string, language: string): string {
  const longest = Math.max(2, ...[...value.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${value}\n${fence}`;
}

function verdictLines(report: Report): string[] {
  const { recommended, reasons, warnings } = report.verdict;
  const lines = [`**${recommended === null ? 'No recommendation' : `Recommended: ${text(recommended)}`}**`, ''];
  lines.push(...reasons.map((reason) => `- ${text(reason)}`), '');
  if (!report.data.representative) lines.push('> The data is not representative: inputs are random or missing.', '');
  if (warnings.length > 0) lines.push('Warnings:', '', ...warnings.map((warning) => `- ${text(warning)}`), '');
  return lines;
}

/** @returns the document, ended by a line feed */
export function renderMarkdown(report: Report): string {
  const cpu = report.variants.some(({ latency }) => latency !== null && !isGpuLatency(latency));
  const lines = [
    `# ${text(fileName(report.model.path))}: precision report`,
    '',
    ...verdictLines(report),
    '## Comparison',
    '',
    ...comparison(report),
    '',
    ...(cpu ? ['CPU latency is that of the embedded runtime, not of TensorRT.', ''] : []),
    '## Variants',
    '',
    ...report.variants.flatMap(variantSection),
    '## Provenance',
    '',
    ...provenance(report),
  ];
  return `${lines.join('\n')}\n`;
}
