/**
 * Preprocessing presets: the steps that well-known model families were trained with, adapted to the model at hand.
 *
 * A preset takes height and width from the model's input where they are fixed, and ends in NHWC for a model that wants
 * it. `resolvePreprocess` looks presets up by name; an explicit list of steps is never adapted.
 */
import type { Transform } from '../../contract/plan';
import type { ImageInput } from './imageInput';

export interface Preset {
  readonly description: string;
  /** Where the numbers come from. */
  readonly source: string;
  steps(input: ImageInput | null): Transform[];
}

/** ImageNet's channel means and standard deviations, RGB in 0–1. */
const imagenetMean = [0.485, 0.456, 0.406];
const imagenetStd = [0.229, 0.224, 0.225];

const size = (input: ImageInput | null, fallback: [number, number]): [number, number] => [
  input?.height ?? fallback[0],
  input?.width ?? fallback[1],
];

/** Resize the shorter side to `shorter`, then crop the middle to the model's size. */
function resizeAndCrop(
  input: ImageInput | null,
  fallback: number,
  shorter: (crop: number) => number,
  interpolation: 'bilinear' | 'bicubic' = 'bilinear',
): Transform[] {
  const [height, width] = size(input, [fallback, fallback]);
  return [
    { op: 'resize', size: shorter(Math.max(height, width)), interpolation },
    { op: 'centerCrop', size: [height, width] },
  ];
}

/** torchvision's reference ratio: resize to 256 for a crop of 224. */
const ratio256 = (crop: number) => Math.round((crop * 256) / 224);

export const presets: Readonly<Record<string, Preset>> = {
  none: {
    description: 'Pictures to floats in 0–1 (ToTensor), at the size they have; 0–255 where the model takes integers.',
    source: 'torchvision.transforms.ToTensor',
    steps: () => [{ op: 'toTensor' }],
  },
  raw: {
    description: 'Pictures to floats in 0–255, at the size they have, for models that normalize by themselves.',
    source: 'torchvision.transforms.PILToTensor',
    steps: () => [{ op: 'toTensor', scale: 1 }],
  },
  imagenet: {
    description: 'Resize 256, center crop 224, 0–1, ImageNet mean and standard deviation.',
    source: 'torchvision, references/classification/presets.py, ClassificationPresetEval',
    steps: (input) => [
      ...resizeAndCrop(input, 224, ratio256),
      { op: 'toTensor' },
      { op: 'normalize', mean: imagenetMean, std: imagenetStd },
    ],
  },
  'imagenet-resize': {
    description: 'Resize to the model size without a crop, 0–1, ImageNet mean and standard deviation.',
    source: 'docs of torch2trt, Reduced Precision (Resize((224, 224)), ToTensor, Normalize)',
    steps: (input) => [
      { op: 'resize', size: size(input, [224, 224]) },
      { op: 'toTensor' },
      { op: 'normalize', mean: imagenetMean, std: imagenetStd },
    ],
  },
  'imagenet-inception': {
    description: 'Resize with an 87.5 % center crop (bicubic), values in −1…1.',
    source: 'timm, default_cfgs with IMAGENET_INCEPTION_MEAN/STD (0.5) and crop_pct 0.875; also TensorFlow MobileNet',
    steps: (input) => [
      ...resizeAndCrop(input, 299, (crop) => Math.floor(crop / 0.875), 'bicubic'),
      { op: 'toTensor', scale: 1 },
      { op: 'normalize', mean: [127.5], std: [127.5] },
    ],
  },
  'efficientnet-lite': {
    description: 'Resize to the crop plus 32 (bicubic), center crop, (x − 127) / 128.',
    source:
      'tensorflow/tpu, efficientnet/lite/efficientnet_lite_builder.py (MEAN_RGB 127, STDDEV_RGB 128, CROP_PADDING 32)',
    steps: (input) => [
      ...resizeAndCrop(input, 224, (crop) => crop + 32, 'bicubic'),
      { op: 'toTensor', scale: 1 },
      { op: 'normalize', mean: [127], std: [128] },
    ],
  },
  clip: {
    description: 'Resize the shorter side to the model size (bicubic), center crop, CLIP mean and standard deviation.',
    source: 'openai/CLIP, clip/clip.py, _transform',
    steps: (input) => [
      ...resizeAndCrop(input, 224, (crop) => crop, 'bicubic'),
      { op: 'toTensor' },
      {
        op: 'normalize',
        mean: [0.48145466, 0.4578275, 0.40821073],
        std: [0.26862954, 0.26130258, 0.27577711],
      },
    ],
  },
  yolo: {
    description: 'Letterbox to the model size (640×640) on gray 114, RGB, 0–1.',
    source: 'ultralytics, data/augment.py, LetterBox; YOLOv5 to v11',
    steps: (input) => [{ op: 'letterbox', size: size(input, [640, 640]), value: 114 }, { op: 'toTensor' }],
  },
  yolox: {
    description:
      'Resize with the aspect kept, padded at right and bottom with 114, BGR, 0–255 (square pictures fit best).',
    source: 'Megvii YOLOX, data/data_augment.py, preproc',
    steps: (input) => {
      const [height, width] = size(input, [640, 640]);
      return [
        { op: 'bgr' },
        { op: 'letterbox', size: [height, width], value: 114, align: 'topLeft' },
        { op: 'toTensor', scale: 1 },
      ];
    },
  },
  digits: {
    description: 'Gray, 28×28, 0–1, MNIST mean 0.1307 and standard deviation 0.3081.',
    source: 'pytorch/examples, mnist/main.py',
    steps: (input) => [
      { op: 'grayscale', channels: input?.channels === 3 ? 3 : 1 },
      { op: 'resize', size: size(input, [28, 28]) },
      { op: 'toTensor' },
      { op: 'normalize', mean: [0.1307], std: [0.3081] },
    ],
  },
  'ppocr-rec': {
    description:
      'Text lines: BGR, height 48, aspect kept, x / 127.5 − 1, padded at the right with 0 to the model width or 480.',
    source: 'PaddleOCR, tools/infer/predict_rec.py, resize_norm_img (there the width is that of the widest line)',
    steps: (input) => textLine(size(input, [48, 480])),
  },
  'ppocr-cls': {
    description: 'Text direction: BGR, 48×192, aspect kept, x / 127.5 − 1, padded at the right with 0.',
    source: 'PaddleOCR, tools/infer/predict_cls.py, resize_norm_img',
    steps: (input) => textLine(size(input, [48, 192])),
  },
};

function textLine([height, width]: [number, number]): Transform[] {
  return [
    { op: 'bgr' },
    { op: 'resizeHeight', height, maxWidth: width, antialias: false },
    { op: 'toTensor', scale: 1 / 127.5 },
    { op: 'scale', factor: 1, offset: -1 },
    { op: 'pad', size: [height, width], value: 0 },
  ];
}

/** Other names that users know a preset by. */
export const presetAliases: Readonly<Record<string, string>> = {
  torchvision: 'imagenet',
  mnist: 'digits',
  inception: 'imagenet-inception',
  tf: 'imagenet-inception',
  'efficientnet-lite0': 'efficientnet-lite',
};
