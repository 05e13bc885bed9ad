/** The measurements as the Markdown page under docs/measurements/. Everything in it comes from the JSON beside it. */
import { median } from './goals.mjs';
import { taskTitles } from './variants.mjs';

const dash = '–';
const seconds = (values) => {
  const value = median(values);
  return value === null ? dash : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
};

export function renderMarkdown(result) {
  const { rows, references, machine, versions, goals, runId } = result;
  const others = [...new Set(rows.map((row) => row.runId))].filter((id) => id !== runId);
  const met = (value) => goals.filter((goal) => goal.met === value).length;
  return [
    '# Reduced precision: ours beside the Python tools, on the CPU',
    '',
    `Run ${runId}, written ${result.renderedAt.slice(0, 16).replace('T', ' ')} UTC by \`npm run bench:precision\`. ${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB, ${machine.os}${machine.cpus === null ? '' : `, every process pinned to ${machine.cpus} of them`}.`,
    ...(others.length === 0
      ? []
      : ['', `**Rows of several runs:** rows marked ‡ were measured in ${others.join(', ')}.`]),
    '',
    `Precision Bench at ${versions['precision-bench']}, Node ${versions.node}, onnxruntime-node ${versions['onnxruntime-node']}; peers ${list(versions.peers)}; ModelOpt's environment ${list(versions.modelopt)}.`,
    '',
    ...method,
    '',
    `## Goals: ${met(true)} met, ${met(false)} not met, ${met(null)} not measured`,
    '',
    ...table(
      ['goal', 'model', 'met', 'numbers'],
      goals.map((goal) => [
        goal.goal,
        goal.subject,
        goal.met === null ? 'not measured' : goal.met ? 'yes' : '**no**',
        goal.numbers,
      ]),
    ),
    '',
    ...Object.keys(references).flatMap((task) => section(task, rows, references[task], runId)),
    ...invariance(result.extras),
    '',
  ].join('\n');
}

const method = [
  '## How',
  '',
  'Samples and preprocessing are the same for all: the arrays of `evaluate.py`, given to every tool as a file (48 calibration samples for the text recognizer, 32 sequences for silero, 100 else). Silero has no labelled data here: its sequences are synthetic speech-like signals, so its rows show SQNR only. Every written model of both sides is scored by one script (`test/bench/precision/score.py`): Python ONNX Runtime on the CPU, graph optimization off, so that casts and Q/DQ run as written. BF16 has no CPU kernels: the graph that `simulate` makes of the written one (every rounding a pair of casts) is scored. FP16 files of all tools are scored both ways: ONNX Runtime drops the rounding between neighbouring nodes that it has no FP16 kernel for, which a GPU does not.',
  '',
  '- **metric** with its Wilson 95 % interval; **agreement**: share of answers equal to those of FP32; **SQNR**: over the whole evaluation set, first output, in brackets with every FP16 rounding done; **INT8 layers**: Conv, Gemm and MatMul with both operands quantized, of all (a tool that quantizes fewer keeps more accuracy and gains less speed).',
  '- **calib s**: ours, the calibrate stage as `report.json` has it (`calibration.seconds`: all inference passes, histograms, choice of scales, table written); ONNX Runtime and ModelOpt, from the call of `quantize_static` until it has all ranges and starts to insert Q/DQ (its model loading and augmentation included, pre-processing not). Median of the repeats; runs over 20 s are not repeated.',
  "- **process s**: the whole process from start to exit. Ours holds everything `convert` does, with evaluation and latency cut to one sample and one iteration; theirs holds Python's imports, and not the pre-processing, which was done before; **CPU s**: processor time of those processes.",
  '- **RSS**: highest resident memory, seen from outside, summed over the processes of a tool (ours has two).',
  '- † not what TensorRT takes (zero points, unsigned activations): shown as a hint, no bar. ModelOpt imports PyTorch but does not use it on this path: a stub stands in (see `requirements-modelopt.txt`).',
  '- Our default row is what `convert` does with data and no other option; the other INT8 rows name their algorithm.',
];

function section(task, rows, reference, runId) {
  const own = rows.filter((row) => row.task === task);
  const first = {
    side: '',
    label: 'FP32',
    tool: 'source model',
    score: reference.score,
    fileBytes: reference.bytes,
    calibrationSeconds: [],
    processSeconds: [],
    cpuSeconds: [],
    peakRssBytes: null,
    error: null,
    runId,
  };
  return [
    `## ${taskTitles[task]}`,
    '',
    `${reference.score.samples} evaluation samples.`,
    '',
    ...table(
      [
        'variant',
        'metric [95 %]',
        'agreement',
        'SQNR dB',
        'INT8 layers',
        'calib s',
        'process s',
        'CPU s',
        'RSS MB',
        'file kB',
      ],
      [first, ...own].map((row) => cells(row, runId)),
    ),
    '',
  ];
}

function cells(row, runId) {
  const name = `${row.side === 'ours' ? '**ours**' : row.tool} ${row.label}${row.runId === runId ? '' : ' ‡'}`;
  const problem = row.error ?? row.score?.error;
  if (problem !== undefined && problem !== null)
    return [name, `failed: ${problem.slice(0, 160)}`, ...Array(8).fill(dash)];
  const { score } = row;
  const [metric, ...more] = Object.entries(score.metrics ?? {});
  const interval = (score.interval ?? []).map((value) => (100 * value).toFixed(1)).join('–');
  const others = more.map(([key, value]) => `, ${key} ${(100 * value).toFixed(2)} %`).join('');
  return [
    name,
    metric === undefined ? dash : `${(100 * metric[1]).toFixed(2)} % [${interval}]${others}`,
    score.agreement === undefined ? dash : score.agreement.toFixed(4),
    `${decibels(score)}${row.roundedScore ? ` (${decibels(row.roundedScore)})` : ''}`,
    score.quantizedLayers[0] === 0 ? dash : score.quantizedLayers.join('/'),
    seconds(row.calibrationSeconds),
    seconds(row.processSeconds),
    seconds(row.cpuSeconds ?? []),
    row.peakRssBytes === null ? dash : (row.peakRssBytes / 1e6).toFixed(0),
    (row.fileBytes / 1e3).toFixed(0),
  ];
}

function decibels({ exact, sqnrDb, nonFinite, error }) {
  if (error !== undefined) return 'failed';
  return exact ? 'exact' : sqnrDb === null ? `${nonFinite} not finite` : sqnrDb.toFixed(2);
}

function invariance(extras) {
  if (extras.memory === undefined) return [];
  return [
    '## Memory against number of samples',
    '',
    `PP-OCRv6_rec_small, \`calibrate\` with the default algorithm, lines with seeded noise (run ${extras.memory.runId}).`,
    '',
    ...table(
      ['samples', 'shape', 'data MB', 'seconds', 'RSS MB, both processes'],
      extras.memory.cases.map((one) => [
        String(one.samples),
        `3×48×${one.width}`,
        (one.dataBytes / 1e6).toFixed(0),
        one.seconds?.toFixed(0) ?? dash,
        one.error ?? (one.peakRssBytes / 1e6).toFixed(0),
      ]),
    ),
  ];
}

function table(head, body) {
  const line = (row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...body.map(line)];
}

function list(versions) {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
}
