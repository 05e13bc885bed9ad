/**
 * The goals of the precision work, judged from measured rows only. A goal whose rows are missing is null, never met.
 *
 * Peers marked † (what TensorRT refuses) set no bar. The best peer of a task is taken for each number on its own: the
 * best task metric and the best SQNR may come from two different rows.
 */
import { taskTitles } from './variants.mjs';

/** One answer in 0.1 point is less than one sample of these evaluation sets; floating-point shares need a hair of slack. */
const epsilon = 1e-9;

const metricOf = (score) => (score?.metrics === undefined ? null : Object.values(score.metrics)[0]);
const percent = (value) => (value === null || value === undefined ? '–' : `${(100 * value).toFixed(2)} %`);
const decibel = (value) => (value === null || value === undefined ? '–' : `${value.toFixed(2)} dB`);
const seconds = (value) => (value >= 10 ? value.toFixed(1) : value.toFixed(2));
const usable = (row) => row !== undefined && row.error === null && row.score !== null && row.score.error === undefined;

export function median(values) {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @returns {{goal: string, subject: string, met: boolean|null, numbers: string}[]} */
export function judgeGoals(rows, references, extras) {
  const names = Object.keys(references);
  const find = (task, name) => rows.find((row) => row.task === task && row.name === name);
  const peers = (task, precision) =>
    rows.filter(
      (row) => row.task === task && row.side === 'peers' && row.counted && row.precision === precision && usable(row),
    );
  return [
    ...names.flatMap((task) => floatGoals(task, find(task, 'ours-fp16'), peers(task, 'fp16'), references[task])),
    ...names.map((task) => int8Goal(task, find(task, 'ours-int8-auto'), peers(task, 'int8'), references[task])),
    averageGoal(names, find, peers),
    ...entropyGoals(find),
    ...rows.filter((row) => row.timeGoal !== undefined).map((row) => timeGoal(row, find(row.task, row.twin))),
    ...memoryGoals(extras),
    ...names.flatMap((task) => rssGoal(task, rows)),
    ...Object.entries(extras)
      .filter(([key]) => key.startsWith('invariance-'))
      .map(([key, { cases }]) => invarianceGoal(key, cases)),
  ];
}

function best(rows, value) {
  return rows.reduce((top, row) => {
    const number = value(row);
    return number !== null && (top === null || number > top.number) ? { number, row } : top;
  }, null);
}

/** To 0.01 dB, so that graphs which differ only in the order of a sum are equal. Identical outputs are better than any. */
const sqnrOf = (row) => (row.score.exact ? Infinity : Math.round(row.score.sqnrDb * 100) / 100);
const label = (row) => `${row.tool} ${row.label}`;

/**
 * ONNX Runtime has few FP16 kernels on a CPU: it computes neighbouring nodes in FP32 and drops the rounding between them. What
 * the files ask for, and a GPU does, is the graph with every rounding written out; both are judged.
 */
function floatGoals(task, ours, peers, reference) {
  const rounded = (row) => row && { ...row, score: row.roundedScore ?? null };
  return [
    floatGoal('as ONNX Runtime runs the files', task, ours, peers, reference),
    floatGoal('every rounding done', task, rounded(ours), peers.map(rounded).filter(usable), reference),
  ];
}

function floatGoal(how, task, ours, peers, reference) {
  const goal = `FP16, ${how}: task metric within 0.1 point of FP32, SQNR not below the best peer`;
  if (!usable(ours)) return { goal, subject: taskTitles[task], met: null, numbers: failure(ours) };
  const metric = metricOf(ours.score);
  const fp32 = metricOf(reference.score);
  const peer = best(peers, sqnrOf);
  const metricMet = metric === null || Math.abs(metric - fp32) <= 0.001 + epsilon;
  const sqnrMet = peer === null ? null : sqnrOf(ours) >= peer.number;
  const numbers = [
    ...(metric === null ? [] : [`${percent(metric)}, FP32 ${percent(fp32)}`]),
    `${decibel(ours.score.sqnrDb)}, best peer ${peer === null ? '–' : `${decibel(peer.number)} (${label(peer.row)})`}`,
    ...(sqnrMet === false ? [differenceNote(ours.score, peer.row.score)] : []),
  ];
  return {
    goal,
    subject: taskTitles[task],
    met: sqnrMet === null ? null : metricMet && sqnrMet,
    numbers: numbers.join('; '),
  };
}

function differenceNote(ours, theirs) {
  const interval = sqnrDifference(ours.noisePerSample ?? [], theirs.noisePerSample ?? []);
  if (interval === null) return 'no interval of the difference';
  const [low, high] = interval.map((value) => `${value >= 0 ? '+' : ''}${value.toFixed(2)}`);
  return `95 % interval of the difference over samples ${low} to ${high} dB`;
}

const resamples = 2000;

/**
 * Ours minus theirs in dB: 95 % interval by paired bootstrap over the evaluation samples (Efron 1979, percentile method). The
 * signal is the same on both sides and cancels. A few samples near a decision make most of the noise, so SQNR is a noisy number.
 */
export function sqnrDifference(ours, theirs) {
  if (ours.length === 0 || ours.length !== theirs.length) return null;
  let state = 1;
  // A fixed sequence (Park and Miller's generator): the page must not change when it is written again.
  const draw = () => (state = (state * 48271) % 2147483647) % ours.length;
  const differences = Array.from({ length: resamples }, () => {
    let [a, b] = [0, 0];
    for (let i = 0; i < ours.length; i++) {
      const sample = draw();
      a += ours[sample];
      b += theirs[sample];
    }
    return 10 * Math.log10(b / a);
  }).sort((a, b) => a - b);
  return [differences[Math.floor(0.025 * resamples)], differences[Math.ceil(0.975 * resamples) - 1]];
}

function int8Goal(task, ours, peers, reference) {
  const goal = 'default INT8: task metric ≥ min(FP32, best peer), SQNR ≥ best peer';
  if (!usable(ours)) return { goal, subject: taskTitles[task], met: null, numbers: failure(ours) };
  const metric = metricOf(ours.score);
  const bestMetric = best(peers, (row) => metricOf(row.score));
  const bestSqnr = best(peers, sqnrOf);
  if (bestSqnr === null) return { goal, subject: taskTitles[task], met: null, numbers: 'no peer row' };
  const bar = bestMetric === null ? null : Math.min(metricOf(reference.score), bestMetric.number);
  const metricMet = metric === null || metric >= bar - epsilon;
  const sqnrMet = sqnrOf(ours) >= bestSqnr.number;
  const numbers = [
    ...(metric === null
      ? []
      : [
          `${percent(metric)}, bar ${percent(bar)} (best peer ${percent(bestMetric.number)}, ${label(bestMetric.row)})${metricMet ? '' : ' MISSED'}`,
        ]),
    `${decibel(ours.score.sqnrDb)}, best peer ${decibel(bestSqnr.number)} (${label(bestSqnr.row)})${sqnrMet ? '' : ' MISSED'}`,
  ];
  return { goal, subject: taskTitles[task], met: metricMet && sqnrMet, numbers: numbers.join('; ') };
}

function averageGoal(names, find, peers) {
  const goal = 'default INT8: better on average than the best single peer method';
  const ours = names.map((task) => find(task, 'ours-int8-auto')).filter(usable);
  const methods = new Map();
  for (const row of ours.flatMap((own) => peers(own.task, 'int8'))) {
    methods.set(row.name, [...(methods.get(row.name) ?? []), row]);
  }
  const complete = [...methods.values()].filter((rows) => rows.length === ours.length);
  if (ours.length < names.length || complete.length === 0) {
    return { goal, subject: 'all models', met: null, numbers: 'rows are missing' };
  }
  const mean = (rows, value) => {
    const numbers = rows.map(value).filter((number) => number !== null);
    return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  };
  const numbersOf = (rows) => ({
    metric: mean(rows, (row) => metricOf(row.score)),
    sqnr: mean(rows, sqnrOf),
    row: rows[0],
  });
  const own = numbersOf(ours);
  const means = complete.map(numbersOf);
  const topMetric = means.reduce((a, b) => (b.metric > a.metric ? b : a));
  const topSqnr = means.reduce((a, b) => (b.sqnr > a.sqnr ? b : a));
  return {
    goal,
    subject: `mean of ${ours.length} models`,
    met: own.metric > topMetric.metric && own.sqnr > topSqnr.sqnr,
    numbers: `${percent(own.metric)} against ${percent(topMetric.metric)} (${label(topMetric.row)}); ${decibel(own.sqnr)} against ${decibel(topSqnr.sqnr)} (${label(topSqnr.row)})`,
  };
}

/** ONNX Runtime's entropy with 2048 bins leaves 1 % of the text lines, TensorRT's own calibrator 10 % of the digits. */
function entropyGoals(find) {
  return [
    { task: 'v6rec', peer: 'ort-trt-entropy2048' },
    { task: 'digits', peer: 'ort-trt-entropy2048' },
  ].map(({ task, peer }) => {
    const goal = 'entropy must not collapse (within 5 points of FP32 or named unfit in the report)';
    const ours = find(task, 'ours-int8-entropy');
    if (!usable(ours)) return { goal, subject: taskTitles[task], met: null, numbers: failure(ours) };
    const peerRow = find(task, peer);
    const floors = { v6rec: 0.9067, digits: 0.9405 };
    const metric = metricOf(ours.score);
    const unfit = ours.details?.unfit?.length ?? 0;
    return {
      goal,
      subject: taskTitles[task],
      met: metric >= floors[task] && metric > 0.5,
      numbers: `${percent(metric)}, ${unfit} tensors named unfit; ONNX Runtime with 2048 bins ${usable(peerRow) ? percent(metricOf(peerRow.score)) : '–'}`,
    };
  });
}

function timeGoal(peer, ours) {
  const goal = `calibration time ≤ ${peer.timeGoal}× ONNX Runtime's`;
  const subject = `${taskTitles[peer.task]}, ${peer.label}`;
  const [own, theirs] = [ours, peer].map((row) => median(row?.calibrationSeconds ?? []));
  if (own === null || theirs === null) return { goal, subject, met: null, numbers: 'not measured' };
  const wall = [ours, peer].map((row) => median(row.processSeconds));
  return {
    goal,
    subject,
    met: own <= peer.timeGoal * theirs,
    numbers: `${seconds(own)} s against ${seconds(theirs)} s: ${(own / theirs).toFixed(3)}× (whole process ${seconds(wall[0])} against ${seconds(wall[1])} s)`,
  };
}

function memoryGoals({ memory }) {
  const goal = 'peak memory of calibrate ≤ 1 GB at any number of samples';
  if (memory === undefined) return [{ goal, subject: taskTitles.v6rec, met: null, numbers: 'not measured' }];
  return memory.cases.map(({ samples, width, peakRssBytes, seconds: wall, error }) => ({
    goal,
    subject: `${taskTitles.v6rec}, ${samples} synthetic samples of 3×48×${width}`,
    met: error === null ? peakRssBytes <= 1e9 : null,
    numbers: error ?? `${(peakRssBytes / 1e6).toFixed(0)} MB (both processes), ${wall.toFixed(0)} s`,
  }));
}

function rssGoal(task, rows) {
  const ours = rows.filter((row) => row.task === task && row.side === 'ours' && row.peakRssBytes !== null);
  if (ours.length === 0) return [];
  const top = ours.reduce((a, b) => (b.peakRssBytes > a.peakRssBytes ? b : a));
  return [
    {
      goal: 'peak memory of convert ≤ 1 GB (calibration and writing, both processes)',
      subject: taskTitles[task],
      met: top.peakRssBytes <= 1e9,
      numbers: `${(top.peakRssBytes / 1e6).toFixed(0)} MB (${top.label})`,
    },
  ];
}

function invarianceGoal(key, cases) {
  const hashes = new Set(cases.map((one) => one.sha256));
  return {
    goal: 'bit-identical table for batch sizes 1, 7, 64 and other orders of the samples',
    subject: taskTitles[key.replace('invariance-', '')],
    met: cases.some((one) => one.sha256 === null) ? null : hashes.size === 1,
    numbers: cases.map((one) => `${one.name}: ${one.sha256?.slice(0, 10) ?? one.error}`).join('; '),
  };
}

function failure(row) {
  return row === undefined ? 'not measured' : (row.error ?? row.score?.error ?? 'not scored').slice(0, 200);
}
