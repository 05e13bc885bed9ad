import { describe, expect, it } from 'vitest';
import { nativeAddonState } from '../../../extension/backends/nativeAddon';
import { onnxRuntimeObserving } from '../../../extension/backends/onnxRuntimeObserving';
import { impliedObservation, impliedRanges } from '../../../extension/calibrate/impliedRanges';
import { observeRanges } from '../../../extension/calibrate/observeRanges';
import type { ObservingRequest, SeenTensor } from '../../../extension/calibrate/observers/observingRuntime';
import type { DType } from '../../../extension/contract/tensor';
import type { NodeProto } from '../../../extension/model/onnx.generated';
import { makeTensor } from '../../../extension/model/tensorValues';
import { normalNumbers } from './randomNumbers';
import { dataset, float32, model, node, open, value } from './smallModels';

/** x → y through one node, with constants of one element, a vector, and no number. */
function through(...nodes: NodeProto[]) {
  return model(
    [value('x', 'fp32', ['n', 8])],
    nodes,
    [value('y', 'fp32', ['n', 8])],
    [
      makeTensor('three', float32([], [3])),
      makeTensor('minusTenth', float32([1], [-0.1])),
      makeTensor('six', float32([1, 1, 1, 1], [6])),
      makeTensor('zero', float32([], [0])),
      makeTensor('top', float32([], [6])),
      makeTensor('huge', float32([], [3e38])),
      makeTensor('vector', float32([8], [1, 2, 3, 4, 5, 6, 7, 8])),
    ],
  );
}

const fp32 = { get: (): DType => 'fp32' };
const seen = (min: number, max: number, rest: Partial<SeenTensor> = {}): SeenTensor => {
  return { min, max, nonFinite: 0, dims: [1, 8], histogram: null, channels: null, ...rest };
};

function implied(of: NodeProto, source: SeenTensor): SeenTensor | null | undefined {
  const implication = impliedRanges(through(of), fp32).get('y');
  return implication && impliedObservation(source, implication);
}

describe('impliedRanges', () => {
  it.each([
    ['Relu', ['x'], [-2, 5], [0, 5]],
    ['Relu', ['x'], [-2, -1], [0, 0]],
    ['Clip', ['x', 'zero', 'top'], [-2, 5], [0, 5]],
    ['Clip', ['x', '', 'top'], [-2, 50], [-2, 6]],
    ['Clip', ['x', 'three'], [-2, 50], [3, 50]],
    ['Add', ['x', 'three'], [-2, 5], [1, 8]],
    ['Add', ['three', 'x'], [-2, 5], [1, 8]],
    ['Sub', ['x', 'three'], [-2, 5], [-5, 2]],
    ['Sub', ['three', 'x'], [-2, 5], [-2, 5]],
    ['Mul', ['minusTenth', 'x'], [-2, 5], [-5 * Math.fround(0.1), 2 * Math.fround(0.1)].map(Math.fround)],
    ['Div', ['x', 'six'], [-2, 5], [Math.fround(-2 / 6), Math.fround(5 / 6)]],
  ] as const)('%s %j of [%j]', (opType, input, [min, max], [least, most]) => {
    expect(implied(node(opType, input, ['y']), seen(min, max))).toMatchObject({ min: least, max: most, nonFinite: 0 });
  });

  it('follows from no vector, no division by the tensor, no approximated function, no other type', () => {
    for (const [opType, input] of [
      ['Add', ['x', 'vector']],
      ['Add', ['x', 'x']],
      ['Div', ['three', 'x']],
      ['Clip', ['x', 'vector']],
      ['Erf', ['x']],
      ['Add', ['three', 'six']],
    ] as const) {
      expect(impliedRanges(through(node(opType, input, ['y'])), fp32).size, opType).toBe(0);
    }
    expect(impliedRanges(through(node('Relu', ['x'], ['y'])), { get: () => 'fp16' }).size).toBe(0);
  });

  it('has the shape of the constant where that has more axes', () => {
    expect(implied(node('Div', ['x', 'six'], ['y']), seen(0, 1))?.dims).toEqual([1, 1, 1, 8]);
    expect(implied(node('Relu', ['x'], ['y']), seen(0, 1))?.dims).toEqual([1, 8]);
    expect(implied(node('Relu', ['x'], ['y']), seen(Infinity, -Infinity, { dims: null }))?.dims).toBeNull();
  });

  it('does not follow where numbers are missing or become infinite; −0 is 0', () => {
    expect(implied(node('Relu', ['x'], ['y']), seen(-2, 5, { nonFinite: 1 }))).toBeNull();
    expect(implied(node('Mul', ['x', 'huge'], ['y']), seen(-2, 5))).toBeNull();
    const scaled = implied(node('Mul', ['x', 'minusTenth'], ['y']), seen(0, 0));
    expect([Object.is(scaled?.min, 0), Object.is(scaled?.max, 0)]).toEqual([true, true]);
  });
});

const observing = await onnxRuntimeObserving(nativeAddonState().addon);

describe.skipIf(observing === null)('ranges that follow from others', () => {
  /** A HardSwish in single operators, behind a reshape, and a product that overflows where `wide` values come in. */
  const chain = () =>
    through(
      node('Unsqueeze', ['x', 'axis'], ['deep']),
      node('Add', ['deep', 'three'], ['shifted']),
      node('Clip', ['shifted', 'zero', 'top'], ['gate']),
      node('Mul', ['deep', 'gate'], ['gated']),
      node('Div', ['gated', 'six'], ['swish']),
      node('Mul', ['swish', 'huge'], ['wide']),
      node('Transpose', ['wide'], ['turned']),
      node('Relu', ['turned'], ['positive']),
      node('Squeeze', ['positive'], ['y']),
    );
  const data = (wide: boolean) => {
    return dataset(7, (index) => {
      const normal = normalNumbers(100 + index);
      const values = Array.from({ length: 8 }, () => (wide && index === 4 ? 100 : 0.25) * normal());
      return { x: float32([1, 8], values) };
    });
  };

  async function compare(wide: boolean) {
    const of = chain();
    of.proto.graph.initializer.push(makeTensor('axis', { dtype: 'int64', dims: [1], data: BigInt64Array.of(1n) }));
    const looked: number[] = [];
    const runtime = {
      ...observing!,
      openObserving: (probe: never, request: ObservingRequest) => {
        looked.push(request.histograms.length);
        return observing!.openObserving(probe, request);
      },
    };
    const samples = data(wide);
    const request = { open, dataset: samples, indices: [0, 1, 2, 3, 4, 5, 6], batchSize: 1 };
    const inside = await observeRanges(of, { ...request, observing: runtime });
    const outside = await observeRanges(of, request);
    // Plain sessions give out a −0 as one.
    const outsideRanges = [...outside.tensors].map(([name, range]) => [name, { ...range, min: range.min! + 0 }]);
    return { looked, inside: [...inside.tensors], outside: outsideRanges };
  }

  it('are what looking at the tensors gives, of which five of ten are looked at', async () => {
    const { looked, inside, outside } = await compare(false);
    expect(inside).toEqual(outside);
    // x, gated, and the shapes of deep, turned and y.
    expect(looked).toEqual([5]);
  });

  it('are looked for in another pass where numbers become infinite', async () => {
    const { looked, inside, outside } = await compare(true);
    expect(inside).toEqual(outside);
    // What overflows, and the ReLU behind it.
    expect(looked).toEqual([5, 2]);
    expect(inside.find(([name]) => name === 'wide')?.[1].nonFinite).toBeGreaterThan(0);
  });
});
