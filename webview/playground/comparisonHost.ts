/** The comparison's host of the playground. `?scenario=` one of default (no GPU), gpu, beside, editor, empty, running. */
import { CodedError } from '../../extension/contract/errors';
import type {
  ComparisonContents,
  ComparisonHostSide,
  ComparisonPageSide,
  HistoryEntry,
  ShownReport,
} from '../../extension/contract/panels/comparisonView';
import type { Report } from '../../extension/contract/report';
import { digitPicture } from './digitPicture';
import { startFakeHost } from './fakeHost';
import { onGpu, sampleReport } from './sampleReport';

const scenario = new URLSearchParams(location.search).get('scenario') ?? 'default';

function earlier(report: Report): Report {
  const variants = report.variants.map((variant) => ({
    ...variant,
    latency: variant.latency === null ? null : { ...variant.latency, medianMs: 1.12 * variant.latency.medianMs },
  }));
  return { ...report, createdAt: '2026-11-20T16:40:00.000Z', variants };
}

const first = scenario === 'gpu' || scenario === 'beside' ? onGpu(sampleReport()) : sampleReport();
const reports: Readonly<Record<string, Report>> = { first, second: earlier(first), cpu: sampleReport() };

const entry = (id: string, more: Partial<HistoryEntry> = {}): HistoryEntry => {
  const report = reports[id] ?? first;
  return {
    id,
    model: 'efficientnet-lite0.onnx',
    createdAt: report.createdAt,
    path: `/home/ada/models/${id}-trt/report.json`,
    precisions: report.variants.map(({ name }) => name),
    recommended: report.verdict.recommended,
    available: true,
    files: 'there',
    ...more,
  };
};

let history: readonly HistoryEntry[] =
  scenario === 'empty'
    ? []
    : [
        entry('first'),
        entry('second', { files: 'replaced' }),
        entry('cpu', { model: 'digits.onnx', precisions: ['fp32', 'fp16', 'int8'], recommended: null }),
        entry('gone', { model: 'a_model_with_a_rather_long_name_that_wraps.onnx', available: false, files: 'gone' }),
      ];

function shownReport(id: string): ShownReport {
  const report = reports[id];
  if (report === undefined) {
    throw new CodedError({
      code: 'REPORT_INVALID',
      reason: `The report ${id} is gone.`,
      fix: 'Convert the model again.',
      place: { file: `/home/ada/models/${id}-trt/report.json` },
    });
  }
  return { id, report, path: `/home/ada/models/${id}-trt/report.json` };
}

const running: ComparisonContents['running'] =
  scenario !== 'running'
    ? []
    : [
        {
          id: 'run-1',
          model: '/home/ada/models/digits.onnx',
          out: '/home/ada/models/digits-trt',
          status: 'running',
          queuedAt: 0,
          startedAt: 0,
          endedAt: null,
          position: 0,
          steps: [
            {
              stage: 'build',
              variant: 'int8',
              state: 'running',
              fraction: 0.4,
              etaSeconds: 8,
              message: 'TensorRT-RTX 1.7 for sm_89',
              startedAt: 0,
              endedAt: null,
            },
          ],
          log: [],
          command: 'precision-bench convert digits.onnx',
          failure: null,
          gates: [],
          reportPath: null,
          summary: null,
        },
      ];

function contents(id: string | null, beside: string | null): ComparisonContents {
  return {
    place: scenario === 'editor' ? 'editor' : 'side',
    history,
    shown: id === null ? null : shownReport(id),
    beside: beside === null ? null : shownReport(beside),
    running,
  };
}

startFakeHost<ComparisonHostSide, ComparisonPageSide>((emit) => ({
  load: () => contents(scenario === 'empty' ? null : 'first', scenario === 'beside' ? 'second' : null),
  show: ({ id, beside }) => contents(id, beside),
  worstPictures: ({ id, variant }) =>
    (reports[id]?.variants.find(({ name }) => name === variant)?.accuracy?.worst ?? []).map(({ sample }, index) => ({
      sample,
      picture: index % 3 === 2 ? null : digitPicture(index, false),
    })),
  openReport: () => null,
  revealArtifact: () => null,
  openEngine: () => null,
  copyCommand: () => null,
  exportAs: ({ format }) => `/home/ada/models/report.${format}`,
  forget: ({ id }) => {
    history = history.filter((one) => one.id !== id);
    emit('historyChanged', history);
    return null;
  },
  startConversion: () => null,
  openWalkthrough: () => null,
}));
