/** Small pieces of ONNX models for tests. */
import {
  dataType,
  newTensorShape,
  newTensorShapeDimension,
  newType,
  newTypeTensor,
  newValueInfo,
  type ValueInfoProto,
} from '../../extension/model/onnx.generated';

/** A float32 graph input or output; strings are symbolic sizes. */
export function floatValue(name: string, shape: readonly (number | string)[]): ValueInfoProto {
  return value(name, dataType.FLOAT, shape);
}

/** An int64 graph input or output. */
export function integerValue(name: string, shape: readonly (number | string)[]): ValueInfoProto {
  return value(name, dataType.INT64, shape);
}

function value(name: string, elemType: number, shape: readonly (number | string)[]): ValueInfoProto {
  const dim = shape.map((size) =>
    newTensorShapeDimension(typeof size === 'number' ? { dimValue: size } : { dimParam: size }),
  );
  return newValueInfo({
    name,
    type: newType({ tensorType: newTypeTensor({ elemType, shape: newTensorShape({ dim }) }) }),
  });
}
