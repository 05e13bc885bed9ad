/**
 * What can be fetched, by registry package name and exact version, with the hash that its archive must have.
 *
 * Nothing here names a host: each registry's own client (`packageClients.ts`) goes where the user's configuration sends
 * it, and a mirror that gives other bytes is refused.
 */

/** A wheel from the Python package index, fetched with `pip download`. */
export interface WheelSource {
  readonly client: 'pip';
  /** Tag of the platform, so that the same file is fetched wherever pip runs. */
  readonly platform: string;
  readonly sha256: string;
}

/** A jar, which is a zip, fetched with `mvn dependency:get`. */
export interface JarSource {
  readonly client: 'maven';
  readonly group: string;
  readonly artifact: string;
  readonly version: string;
  readonly classifier: string;
  readonly sha256: string;
}

export type ArchiveSource = WheelSource | JarSource;

/** A crate, fetched with `cargo fetch`; the hash is the one that cargo itself checks the archive against. */
export interface CrateSource {
  readonly client: 'cargo';
  readonly sha256: string;
}

export interface Package {
  readonly name: string;
  readonly version: string;
  /** What it is for, to be shown. */
  readonly purpose: string;
  /** Size of the archive, to be shown. */
  readonly megabytes: number;
  readonly source: ArchiveSource | CrateSource;
  /** Only files whose path starts with one of these are kept. */
  readonly keep: readonly string[];
  /** Files that must be there afterwards, relative to the package's folder. */
  readonly expects: readonly string[];
}

/** TensorRT-RTX's libraries for a platform as `${process.platform}-${process.arch}`, or null where there are none. */
export function tensorrtRtx(platform: string): Package | null {
  const build = rtxBuilds[platform];
  if (build === undefined) return null;
  return {
    name: 'tensorrt-rtx-cu13-libs',
    version: '1.7.1.116',
    purpose: 'TensorRT-RTX',
    megabytes: build.megabytes,
    source: { client: 'pip', platform: build.tag, sha256: build.sha256 },
    keep: [rtxLibraryFolder, 'tensorrt_rtx_cu13_libs'],
    expects: build.libraries.map((library) => `${rtxLibraryFolder}/${library}`),
  };
}

/** Where the wheel has its libraries. */
export const rtxLibraryFolder = 'tensorrt_rtx_libs';

interface RtxBuild {
  readonly tag: string;
  readonly sha256: string;
  readonly megabytes: number;
  readonly libraries: readonly string[];
}

const linuxLibraries = ['libtensorrt_rtx.so.1', 'libtensorrt_onnxparser_rtx.so.1'];

const rtxBuilds: Readonly<Record<string, RtxBuild>> = {
  'linux-x64': {
    tag: 'manylinux_2_28_x86_64',
    sha256: 'e3fd45fed001240d63304e77a2d4006319b839994237cb294b6e7ad72acaabcd',
    megabytes: 95,
    libraries: linuxLibraries,
  },
  'linux-arm64': {
    tag: 'manylinux_2_35_aarch64',
    sha256: 'ec8b6cb95a8ea61e31d544dbc5039d35219b311999f92c518a3889aaae74359c',
    megabytes: 91,
    libraries: linuxLibraries,
  },
  'win32-x64': {
    tag: 'win_amd64',
    sha256: '3f0bc38ffe0b755e9de672da7b9ed3c05ddfd2538160c36af2a1e0994508c940',
    megabytes: 93,
    libraries: ['tensorrt_rtx_1_7.dll', 'tensorrt_onnxparser_rtx_1_7.dll'],
  },
};

/** Where the jars have the libraries. */
const jarLibraryFolder = 'org/bytedeco/tensorrt/linux-x86_64';

/** TensorRT of one version, with the files that it cannot do without. */
function tensorrtJar(version: string, sha256: string, megabytes: number, libraries: readonly string[]): Package {
  return {
    name: 'tensorrt',
    version,
    purpose: `TensorRT ${version.split('-')[0] ?? version}`,
    megabytes,
    source: {
      client: 'maven',
      group: 'org.bytedeco',
      artifact: 'tensorrt',
      version,
      classifier: 'linux-x86_64-redist',
      sha256,
    },
    keep: [`${jarLibraryFolder}/`],
    expects: libraries.map((library) => `${jarLibraryFolder}/${library}`),
  };
}

/** A TensorRT that `install` can fetch. */
export interface Installable {
  readonly name: InstallableName;
  readonly package: Package;
  /** Where its libraries lie in the package. */
  readonly libraryFolder: string;
  /** What one has to know of it, or null. */
  readonly note: string | null;
}

export const installableNames = ['tensorrt-rtx', 'tensorrt-10.6', 'tensorrt-11.2', 'tensorrt-8.6'] as const;
export type InstallableName = (typeof installableNames)[number];

/** What there is for a platform as `${process.platform}-${process.arch}`. */
export function installables(platform: string): Installable[] {
  const rtx = tensorrtRtx(platform);
  const found: Installable[] =
    rtx === null
      ? []
      : [
          {
            name: 'tensorrt-rtx',
            package: rtx,
            libraryFolder: rtxLibraryFolder,
            note: 'Builds for RTX GPUs on any machine; strongly typed only.',
          },
        ];
  return platform === 'linux-x64' ? [...found, ...linuxTensorrts] : found;
}

const linuxTensorrts: readonly Installable[] = [
  {
    name: 'tensorrt-10.6',
    package: tensorrtJar('10.6-1.5.11', 'e7979693541f996bc284335b05f5e890a82b8b3aba50d680e1343a139cf291c4', 1090, [
      'libnvinfer.so.10',
      'libnvinfer_builder_resource.so.10.6.0',
      'libnvonnxparser.so.10',
    ]),
    libraryFolder: jarLibraryFolder,
    note: 'Builds on a machine with an NVIDIA GPU, weakly and strongly typed.',
  },
  {
    name: 'tensorrt-11.2',
    package: tensorrtJar('11.2-1.5.14', '909dea6c768a0db60ab53d76d9f089c78cada1b55ad5d3d78b308b140f669f6d', 557, [
      'libnvinfer.so.11',
      'libnvinfer_builder_resource_ptx.so.11.2.1',
      'libnvonnxparser.so.11',
    ]),
    libraryFolder: jarLibraryFolder,
    note: 'Without the builder resources of single architectures: on most GPUs it parses, but does not build.',
  },
  {
    name: 'tensorrt-8.6',
    package: tensorrtJar('8.6-1.5.10', '8694feefe1b23d079a23527e3a65ca1dead18fccedfe2afa96651174a903b379', 825, [
      'libnvinfer.so.8',
      'libnvinfer_builder_resource.so.8.6.1',
      'libnvonnxparser.so.8',
    ]),
    libraryFolder: jarLibraryFolder,
    note: 'Builds on a machine with an NVIDIA GPU up to Hopper, weakly typed. Operators that are plugins in it need cuDNN 8 and cuBLAS 12 beside it.',
  },
];

const headersInCrate = 'TensorRT-Headers';
const rtxHeaders = `${headersInCrate}/TRT-RTX-1.7`;
const trt11Headers = `${headersInCrate}/TRT-Enterprise-11.4`;
const trt10Headers = `${headersInCrate}/TRT-Enterprise-10.16`;

/** Headers of TensorRT-RTX and TensorRT 11. */
const newHeaders: Package = {
  name: 'trtx-sys',
  version: '0.9.1+rtx1.7',
  purpose: 'headers of TensorRT-RTX and TensorRT 11',
  megabytes: 1,
  source: { client: 'cargo', sha256: '5480ee056292951daa1bc74532162d6cb75190f091e45d7d97c0c356916ae171' },
  keep: [`${rtxHeaders}/`, `${trt11Headers}/`],
  expects: [rtxHeaders, trt11Headers].flatMap((folder) => [`${folder}/NvInfer.h`, `${folder}/NvOnnxParser.h`]),
};

/** Headers of TensorRT 10. */
const oldHeaders: Package = {
  name: 'trtx-sys',
  version: '0.5.0',
  purpose: 'headers of TensorRT 10',
  megabytes: 1,
  source: { client: 'cargo', sha256: '1efd9036abbd2775da5df4e49793ec8e656f026fb9c60dff7e95bda2d654e634' },
  keep: [`${trt10Headers}/`],
  expects: [`${trt10Headers}/NvInfer.h`, `${trt10Headers}/NvOnnxParser.h`],
};

const cudaInclude = 'nvidia/cu13/include';

// The headers are the same for every platform; one wheel serves all.
const cudaRuntime: Package = {
  name: 'nvidia-cuda-runtime',
  version: '13.5.37',
  purpose: 'headers of CUDA',
  megabytes: 3,
  source: {
    client: 'pip',
    platform: 'manylinux2014_x86_64',
    sha256: 'df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d',
  },
  keep: [`${cudaInclude}/`],
  expects: [`${cudaInclude}/cuda.h`, `${cudaInclude}/cuda_runtime_api.h`],
};

const cudaCrt: Package = {
  name: 'nvidia-cuda-crt',
  version: '13.5.37',
  purpose: 'more headers of CUDA',
  megabytes: 1,
  source: {
    client: 'pip',
    platform: 'manylinux2014_x86_64',
    sha256: 'e898b7f73d3035fa89915a3f7bf3b54a73e90249746111aed295822c4729bb29',
  },
  keep: [`${cudaInclude}/`],
  expects: [`${cudaInclude}/crt/host_defines.h`],
};

/** A folder of headers that the native module's CMakeLists.txt asks for, and the package that holds it. */
export interface HeaderFolder {
  readonly cmakeVariable: string;
  readonly package: Package;
  readonly folder: string;
}

/** Needed by every flavour of the engine code. */
export const cudaHeaders: readonly HeaderFolder[] = [
  { cmakeVariable: 'PB_CUDA_INCLUDE_DIR', package: cudaRuntime, folder: cudaInclude },
  { cmakeVariable: 'PB_CUDA_CRT_INCLUDE_DIR', package: cudaCrt, folder: cudaInclude },
];

/** One flavour of the engine code each. TensorRT 8 has no package: `TENSORRT8_INCLUDE_DIR` names a folder. */
export const flavourHeaders: readonly HeaderFolder[] = [
  { cmakeVariable: 'PB_RTX_INCLUDE_DIR', package: newHeaders, folder: rtxHeaders },
  { cmakeVariable: 'PB_TRT11_INCLUDE_DIR', package: newHeaders, folder: trt11Headers },
  { cmakeVariable: 'PB_TRT10_INCLUDE_DIR', package: oldHeaders, folder: trt10Headers },
];
