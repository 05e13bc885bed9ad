import * as path from 'node:path';
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseArguments } from '../../../extension/cli/arguments';
import { commandLine, type CommandLineRequest } from '../../../extension/cli/commandLine';
import { convertSpec } from '../../../extension/cli/convertOptions';
import { relocatePlan } from '../../../extension/cli/relocatePlan';
import { resolvePlan } from '../../../extension/cli/resolvePlan';
import { completePlan, type PlanParts } from '../../../extension/contract/checkSchema';
import { planSchema } from '../../../extension/contract/plan';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pb-line-'));
  mkdirSync(path.join(folder, 'models'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A plan in `models/`, for a command line in the folder above. */
function request(parts: Omit<PlanParts, 'model'>, more: Partial<CommandLineRequest> = {}): CommandLineRequest {
  return {
    plan: completePlan({ model: 'm.onnx', ...parts }),
    baseDir: path.join(folder, 'models'),
    cwd: folder,
    out: path.join(folder, 'models', 'm-precision'),
    planFile: null,
    planFileIfNeeded: path.join(folder, 'models', 'm.trtplan.json'),
    python: null,
    ...more,
  };
}

/** What the command line's parser makes of it, with paths as the plan has them. */
function parsed({ cwd, baseDir }: CommandLineRequest, words: readonly string[]) {
  const resolved = resolvePlan(parseArguments(convertSpec, words.slice(1)), cwd);
  return relocatePlan(resolved.plan, resolved.baseDir, baseDir);
}

interface LeafSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  readonly anyOf?: readonly LeafSchema[];
}

/** A valid value that is not the default. */
function anotherValue(schema: LeafSchema): unknown {
  const [inner] = schema.anyOf ?? [schema];
  const { type, enum: names, maximum = Infinity, minimum = 0, multipleOf: step = 1 } = inner ?? schema;
  if (names !== undefined) return names.find((name) => name !== schema.default);
  if (type === 'boolean') return schema.default !== true;
  if (type === 'string') return 'folder/file';
  const usual = typeof schema.default === 'number' ? schema.default : minimum;
  return usual + step <= maximum ? usual + step : usual - step < minimum ? (minimum + maximum) / 2 : usual - step;
}

describe('commandLine', () => {
  it('says nothing of what is as usual', () => {
    expect(commandLine(request({})).text).toBe('precision-bench convert models/m.onnx --out models/m-precision');
  });

  const plans: Record<string, Omit<PlanParts, 'model'>> = {
    precisions: { precisions: ['fp32', 'int8'] },
    'data and labels': { calibration: { data: 'cal', labels: 'l.csv' }, evaluation: { data: '../e', labels: 'e.csv' } },
    'a Python class': { calibration: { data: 'cal.py:Data("images", size=3)' } },
    'every number of calibration': {
      calibration: { algorithm: 'legacy', percentile: 99.5, cutoff: 0.25, samples: 7, batchSize: 3, table: 't.json' },
    },
    'the calibrator of TensorRT': { calibration: { calibrator: 'tensorrt', cache: 'c.cache' } },
    'the word of TensorRT for a calibrator': { calibration: { algorithm: 'entropy', tensorrtCalibrator: 'entropy2' } },
    'switches of calibration': { calibration: { guardShare: 0, equalization: false, biasCorrection: false } },
    'evaluation samples': { evaluation: { samples: 11 } },
    'a preset': { preprocess: 'imagenet' },
    'a preprocessing file': { preprocess: 'steps.json' },
    'a preprocessing file in a folder': { preprocess: 'pre/steps' },
    'a preprocessing file that looks like a preset': { preprocess: './steps' },
    bindings: { bindings: { 'input=0': 'fp16', output: 'int32' } },
    keep: {
      keep: [
        { match: 'OP:Softmax', precision: 'fp32' },
        { match: '/enc/*=x', precision: 'fp16' },
      ],
    },
    shapes: {
      shapes: { x: { min: [1, 3, 8, 8], opt: [2, 3, 8, 8], max: [4, 3, 8, 8] }, s: { min: [1], opt: [1], max: [1] } },
    },
    'a memory layout': { bindings: { x: 'fp16' }, formats: { x: ['chw16', 'linear'], y: ['hwc8'] } },
    'two profiles': {
      shapes: { x: { min: [1], opt: [2], max: [3] } },
      profiles: [{ x: { min: [4], opt: [5], max: [6] } }],
    },
    'shape values': { shapeValues: { s: { min: [1], opt: [2], max: [3] } } },
    'the builder': {
      builder: {
        workspaceMiB: 512,
        optimizationLevel: 5,
        typing: 'weak',
        constraints: 'prefer',
        tf32: true,
        timingCache: 't.cache',
        dla: 0,
        gpuFallback: false,
        versionCompatible: true,
        hardwareCompatible: true,
      },
    },
    backend: { backend: 'tensorrt-rtx', targets: ['sm_75', 'sm_89'] },
    'gates with negative decibels': { gates: { maxTop1Drop: 0, minSqnrDb: -3.5, minAgreement: 0.99 } },
    benchmark: { benchmark: { warmupMs: 0, durationMs: 10, iterations: 3, batch: 4, cudaGraph: false, spin: true } },
  };
  it.each(Object.entries(plans))('writes %s as flags that parse back', (_, parts) => {
    const asked = request(parts);
    const line = commandLine(asked);
    expect(line.newPlanFile).toBeNull();
    expect(parsed(asked, line.words)).toEqual(asked.plan);
  });

  /** Every single value of the plan's sections, changed; so a new one without a flag is found. */
  // Said together with the algorithm, above.
  const together = new Set(['calibration.tensorrtCalibrator']);
  const singles = Object.entries(planSchema.properties).flatMap(([section, schema]) =>
    Object.entries((schema as { properties?: Record<string, LeafSchema> }).properties ?? {}).map(
      ([key, leaf]) => [`${section}.${key}`, { [section]: { [key]: anotherValue(leaf) } }] as const,
    ),
  );
  it.each(singles.filter(([name]) => !together.has(name)))('has a flag for %s', (_, parts) => {
    const asked = request(parts);
    const line = commandLine(asked);
    expect(line.words.length).toBeGreaterThan(4);
    expect(line.newPlanFile).toBeNull();
    expect(parsed(asked, line.words)).toEqual(asked.plan);
  });

  const withoutFlag: Record<string, Omit<PlanParts, 'model'>> = {
    'preprocessing steps': { preprocess: [{ op: 'toTensor' }] },
    'a scalar shape': { shapes: { s: { min: [], opt: [], max: [] } } },
  };
  it.each(Object.entries(withoutFlag))('names a plan file for %s', (_, parts) => {
    const line = commandLine(request(parts));
    expect(line.newPlanFile).toBe(path.join(folder, 'models', 'm.trtplan.json'));
    expect(line.text).toBe('precision-bench convert --plan models/m.trtplan.json --out models/m-precision');
  });

  describe('with a plan file', () => {
    const written = {
      schemaVersion: 1,
      model: 'm.onnx',
      precisions: ['fp32', 'int8'],
      preprocess: [{ op: 'toTensor' }],
    };
    const withFile = (parts: object, content: object = written) => {
      const planFile = path.join(folder, 'models', 'p q.trtplan.json');
      writeFileSync(planFile, JSON.stringify(content));
      return request({ ...parts }, { planFile });
    };
    const { model: _, ...same } = written;

    it('names it alone when it says the same', () => {
      const line = commandLine(withFile(same));
      expect(line.text).toBe("precision-bench convert --plan 'models/p q.trtplan.json' --out models/m-precision");
    });

    it('adds flags for what differs', () => {
      const asked = withFile({ ...same, precisions: ['fp32', 'fp16'], bindings: { y: 'fp16' } });
      const line = commandLine(asked);
      expect(line.words.slice(1, 5)).toEqual([
        '--plan',
        'models/p q.trtplan.json',
        '--precisions=fp32,fp16',
        '--io=y=fp16',
      ]);
      expect(parsed(asked, line.words)).toEqual(asked.plan);
    });

    it('wants another file where flags cannot take something back', () => {
      const line = commandLine(withFile(same, { ...written, bindings: { y: 'fp16' } }));
      expect(line.newPlanFile).toBe(path.join(folder, 'models', 'm.trtplan.json'));
    });

    it('goes without one that is gone or broken', () => {
      const asked = withFile({ precisions: ['fp32', 'fp16'] });
      writeFileSync(asked.planFile ?? '', '{');
      expect(commandLine(asked).text).toContain('convert models/m.onnx --precisions=fp32,fp16');
    });
  });

  it('leaves out no interpreter and takes a model that looks like an option for a file', () => {
    const asked = request({}, { python: '/opt/my python/bin/python', cwd: path.join(folder, 'models') });
    const line = commandLine({ ...asked, plan: { ...asked.plan, model: '-m.onnx' } });
    expect(line.text).toContain("--python '/opt/my python/bin/python'");
    expect(line.words[1]).toBe('./-m.onnx');
    expect(line.newPlanFile).toBeNull();
  });

  it('does not mind the order of precisions', () => {
    expect(commandLine(request({ precisions: ['int8', 'fp16'] })).text).toContain('--precisions=fp32,fp16,int8');
  });
});
