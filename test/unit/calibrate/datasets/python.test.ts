import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Dataset, OpenDatasetOptions } from '../../../../extension/calibrate/dataset';
import type { ValueSpec } from '../../../../extension/contract/tensor';
import { batches } from '../../../../extension/calibrate/batches';
import { grayPng, open, spec, temporaryFolder, valuesOf, write } from './makeData';

const vector = [spec('x', ['N', 3])];
/** The interpreter itself: version managers put slow scripts in front of it. */
const python = ['python3', 'python']
  .map((name) => spawnSync(name, ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }))
  .find(({ status }) => status === 0)
  ?.stdout.trim();
/** Options of every test but those about finding an interpreter. */
const interpreter = python === undefined ? {} : { python };
const has = (...modules: string[]) =>
  python !== undefined && spawnSync(python, ['-c', modules.map((name) => `import ${name}`).join('\n')]).status === 0;

const opened: Dataset[] = [];
afterEach(async () => {
  for (const data of opened.splice(0)) await data.close();
});
async function openScript(
  code: string,
  expression: string,
  inputs: readonly ValueSpec[] = vector,
  rest: Partial<OpenDatasetOptions> = {},
): Promise<Dataset> {
  const file = write(temporaryFolder(), 'calib.py', code);
  const data = await open(expression === '' ? file : `${file}:${expression}`, inputs, { ...interpreter, ...rest });
  opened.push(data);
  return data;
}
async function refusal(code: string, expression: string): Promise<{ code: string; reason: string; fix: string }> {
  return openScript(code, expression).then(
    () => expect.fail('it was opened'),
    (error: unknown) => error as { code: string; reason: string; fix: string },
  );
}

const plain = `
import array
class Plain:
    classes = ['cat', 'dog']
    def __init__(self, scale=1):
        self.scale = scale
    def __len__(self):
        return 4
    def __getitem__(self, i):
        print('printing must not disturb', i)
        return [array.array('f', [self.scale * i, 1, 2])]
made = Plain(5)
def factory(scale):
    return Plain(scale)
`;

describe.skipIf(python === undefined)('file.py:ClassName, standard library only', () => {
  it.each([
    ['Plain', 1],
    ['Plain(2)', 2],
    ['Plain(scale=3)', 3],
    ['made', 5],
    ['factory(7)', 7],
  ])('%s', async (expression, scale) => {
    const data = await openScript(plain, expression);
    expect(data).toMatchObject({ kind: 'python', length: 4, labelled: false, classes: ['cat', 'dog'] });
    expect(await valuesOf(data, 3)).toEqual([3 * scale, 1, 2]);
    expect(await valuesOf(data, 1)).toEqual([scale, 1, 2]);
  });

  it('understands arrays, buffers, nested lists, dictionaries and labels beside them', async () => {
    const items: [string, number[], unknown][] = [
      ['[[1, 2, 3]]', [1, 2, 3], null],
      ['[1, 2, 3]', [1, 2, 3], null],
      ['[[[1, 2, 3]]]', [1, 2, 3], null],
      ['{"x": [1.5, 2, 3]}', [1.5, 2, 3], null],
      ['{"x": [1, 2, 3], "extra": [4]}', [1, 2, 3], null],
      ['(array.array("d", [1, 2, 3]),)', [1, 2, 3], null],
      ['[array.array("q", [1, 2, 3])]', [1, 2, 3], null],
      ['[memoryview(bytes([1, 2, 3]))]', [1, 2, 3], null],
      ['([1.0, 2, 3], 7)', [1, 2, 3], 7],
      ['([1.0, 2, 3], "seven")', [1, 2, 3], 'seven'],
      ['{"x": [1.0, 2, 3], "label": 7}', [1, 2, 3], 7],
    ];
    const list = items.map(([item]) => item).join(', ');
    const code = `import array\nclass D:\n  items = [${list}]\n  def __len__(self): return len(self.items)\n  def __getitem__(self, i): return self.items[i]\n`;
    const data = await openScript(code, 'D');
    for (const [index, [item, values, label]] of items.entries()) {
      expect(await valuesOf(data, index), item).toEqual(values);
      expect((await data.get(index)).label, item).toBe(label);
    }
    const labelled = await openScript(`${code}D.items = D.items[8:]\n`, 'D');
    expect([data.labelled, labelled.labelled]).toEqual([false, true]);
  });

  it('several inputs: a list in graph order, or by name', async () => {
    const inputs = [spec('a', ['N', 2]), spec('b', ['N', 2])];
    const items = ['[[1, 2], [3, 4]]', '{"b": [3, 4], "a": [1, 2]}', '([1, 2], [3, 4])'];
    const code = `class D:\n  items = [${items.join(', ')}]\n  def __len__(self): return 3\n  def __getitem__(self, i): return self.items[i]\n`;
    const data = await openScript(code, 'D', inputs);
    for (const index of items.keys()) {
      expect((await data.get(index)).tensors['b']?.data, items[index]).toEqual(Float32Array.of(3, 4));
    }
  });

  it('relative paths start from the folder of the file; its folder is importable', async () => {
    const folder = temporaryFolder();
    write(folder, 'numbers.txt', '4 5 6');
    write(folder, 'helper.py', 'def load(path): return [float(x) for x in open(path).read().split()]');
    const file = write(
      folder,
      'calib.py',
      'import helper\nclass D:\n  def __init__(self, root): self.x = helper.load(root)\n  def __len__(self): return 1\n  def __getitem__(self, i): return [self.x]\n',
    );
    const data = await open(`${file}:D('numbers.txt')`, vector, interpreter);
    opened.push(data);
    expect(await valuesOf(data, 0)).toEqual([4, 5, 6]);
  });

  it('an exception in one sample is skipped with its traceback; the others are read', async () => {
    const data = await openScript(
      'def deep(i):\n  raise KeyError("no %d" % i)\nclass D:\n  def __len__(self): return 3\n  def __getitem__(self, i):\n    if i == 1: deep(i)\n    return [[i, 0, 0]]\n',
      'D',
    );
    const error: unknown = await data.get(1).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'DATA_PYTHON' });
    const { reason } = error as { reason: string };
    expect(reason).toMatch(
      /calib\.py: __getitem__\(1\) failed\.\nTraceback[\s\S]*calib\.py", line 2, in deep[\s\S]*KeyError: 'no 1'/,
    );
    expect(reason).not.toMatch(/<string>/);
    const seen = [];
    for await (const batch of batches(data, [0, 1, 2], 8))
      seen.push({ ids: batch.ids, skipped: batch.skipped.map(({ index }) => index) });
    expect(seen).toEqual([{ ids: ['0', '2'], skipped: [1] }]);
  });

  it('when every sample fails the error is DATA_PYTHON with the traceback', async () => {
    const data = await openScript(
      'class D:\n  def __len__(self): return 2\n  def __getitem__(self, i): raise ValueError("bad")\n',
      'D',
    );
    await expect(async () => {
      for await (const _ of batches(data, [0, 1], 8)) expect.fail('there is no batch');
    }).rejects.toMatchObject({
      code: 'DATA_PYTHON',
      reason: expect.stringMatching(/None of the 2[\s\S]*ValueError: bad/) as string,
    });
  });

  it.each([
    ['a missing name', 'Plane', plain, /calib\.py has no Plane\. Data sets in it: Plain/],
    ['no name', '', plain, /named without the data set in it\. Candidates: calib\.py:Plain.*behind a colon/],
    [
      'a required argument',
      'D',
      'class D:\n  def __init__(self, root, size): pass\n  def __len__(self): return 1\n  def __getitem__(self, i): return [1]\n',
      /root.*calib\.py:D\('images', size=\.\.\.\)/,
    ],
    [
      'no __len__',
      'D',
      'class D:\n  def __getitem__(self, i): return [1]\n',
      /has no __len__\. Define __len__, which returns the number of samples/,
    ],
    [
      'no __getitem__',
      'D',
      'class D:\n  dataset = 1\n  def __len__(self): return 1\n',
      /has no __getitem__\. It looks like a loader/,
    ],
    ['code as argument', 'D(open("x"))', 'class D: pass', /neither a name nor a call with literal arguments/],
    [
      'an exception on import',
      'D',
      'import math\nmath.nothing\n',
      /Loading calib\.py failed\.\nTraceback[\s\S]*AttributeError/,
    ],
    ['a syntax error', 'D', 'class D\n', /SyntaxError/],
    ['an exit', 'D', 'import sys\nsys.exit(3)\n', /SystemExit: 3/],
    [
      'an exception in the constructor',
      'D',
      'class D:\n  def __init__(self): raise FileNotFoundError("images")\n',
      /FileNotFoundError: images/,
    ],
  ])('refuses %s', async (_, expression, code, reason) => {
    const error = await refusal(code, expression);
    expect(error.code).toBe('DATA_PYTHON');
    expect(`${error.reason} ${error.fix}`).toMatch(reason);
    expect(error.fix).not.toBe('');
  });

  it('a death of the interpreter is told with its last words', async () => {
    const data = await openScript(
      'import os, sys\nclass D:\n  def __len__(self): return 3\n  def __getitem__(self, i):\n    if i == 2:\n      print("last words", flush=True)\n      os._exit(7)\n    return [[1, 2, 3]]\n',
      'D',
    );
    await data.get(0);
    const error: unknown = await data.get(2).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'DATA_PYTHON' });
    expect((error as { reason: string }).reason).toMatch(/exit code 7.*last words/);
    await expect(data.get(0)).rejects.toMatchObject({ code: 'DATA_PYTHON' });
  });

  it('an abort ends a sample that hangs, and the process with it', async () => {
    const data = await openScript(
      'import os, time\nclass D:\n  def __len__(self): return 5\n  def __getitem__(self, i):\n    if i == 4: time.sleep(600)\n    return [[os.getpid(), 2, 3]]\n',
      'D',
    );
    const [pid] = await valuesOf(data, 0);
    const abort = new AbortController();
    const started = Date.now();
    const hanging = data.get(4, abort.signal);
    setTimeout(() => abort.abort(), 50);
    await expect(hanging).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(Date.now() - started).toBeLessThan(2000);
    await data.close();
    expect(() => process.kill(pid!, 0)).toThrow(/ESRCH/);
  });

  it('close ends the process', async () => {
    const data = await openScript(
      'import os\nclass D:\n  def __len__(self): return 1\n  def __getitem__(self, i): return [[os.getpid(), 0, 0]]\n',
      'D',
    );
    const [pid] = await valuesOf(data, 0);
    await data.close();
    expect(() => process.kill(pid!, 0)).toThrow(/ESRCH/);
  });

  it('wrong shapes are a mismatch as everywhere', async () => {
    const data = await openScript(
      'class D:\n  def __len__(self): return 1\n  def __getitem__(self, i): return [[1, 2]]\n',
      'D',
    );
    await expect(data.get(0)).rejects.toMatchObject({ code: 'DATA_MISMATCH' });
  });

  it('an interpreter that is not there is named', async () => {
    await expect(openScript(plain, 'Plain', vector, { python: '/nowhere/python' })).rejects.toMatchObject({
      code: 'DATA_PYTHON',
      reason: expect.stringMatching(/\/nowhere\/python/) as string,
    });
  });

  it('a script that is not there is named', async () => {
    await expect(open(join(temporaryFolder(), 'none.py:D'), vector)).rejects.toMatchObject({ code: 'DATA_NOT_FOUND' });
  });
});

/** The class of torch2trt's documentation, with NumPy and PIL in torch's place. */
const numpyExample = `
import os
import numpy as np
class ImageFolderCalibDataset():
    def __init__(self, root):
        self.files = sorted(os.path.join(d, f) for d, _, fs in os.walk(root) for f in fs)
    def __len__(self):
        return len(self.files)
    def __getitem__(self, idx):
        image = np.full((3, 2, 2), os.path.getsize(self.files[idx]), dtype=np.float64)
        image = image[None, ...]  # add batch dimension
        return [image]
`;

describe.skipIf(!has('numpy'))('file.py:ClassName with NumPy (skipped where it is not installed)', () => {
  const inputs = [spec('x', ['N', 3, 2, 2])];
  it("torch2trt's example in NumPy", async () => {
    const folder = temporaryFolder();
    write(folder, 'images/a.png', grayPng(1));
    const file = write(folder, 'calib.py', numpyExample);
    const data = await open(`${file}:ImageFolderCalibDataset('images')`, inputs, interpreter);
    opened.push(data);
    expect(data.length).toBe(1);
    expect((await data.get(0)).tensors['x']).toMatchObject({ dtype: 'fp32', dims: [1, 3, 2, 2] });
  });

  it('takes every dtype, byte order and memory layout', async () => {
    const dtypes = ['<f2', '<f4', '>f4', '<f8', '|i1', '|u1', '<i4', '<i8', '|b1'];
    const code = `import numpy as np\nDTYPES = ${JSON.stringify(dtypes)}\nclass D:\n  def __len__(self): return len(DTYPES)\n  def __getitem__(self, i): return [np.asfortranarray(np.array([[1, 0], [0, 1]], dtype=DTYPES[i]))[:, ::-1]], np.int64(3)\n`;
    const data = await openScript(code, 'D', [spec('x', ['N', 2, 2])]);
    for (const [index, dtype] of dtypes.entries()) expect(await valuesOf(data, index), dtype).toEqual([0, 1, 1, 0]);
    expect((await data.get(0)).label).toBe(3);
  });
});

const torchExample = `
from torchvision.datasets import ImageFolder
from torchvision.transforms import ToTensor, Compose, Normalize, Resize


class ImageFolderCalibDataset():

    def __init__(self, root):
        self.dataset = ImageFolder(
            root=root,
            transform=Compose([
                Resize((224, 224)),
                ToTensor(),
                Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
            ])
        )

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, idx):
        image, _ = self.dataset[idx]
        image = image[None, ...]  # add batch dimension
        return [image]
`;

describe.skipIf(!has('torch', 'torchvision'))(
  "torch2trt's own example (skipped where torchvision is not installed)",
  () => {
    it('gives the tensors that our transforms give', async () => {
      const inputs = [spec('x', ['N', 3, 224, 224])];
      const folder = temporaryFolder();
      write(folder, 'images/cat/a.png', grayPng(200, 300, 250));
      const file = write(folder, 'calib.py', torchExample);
      const theirs = await open(`${file}:ImageFolderCalibDataset('images')`, inputs, interpreter);
      opened.push(theirs);
      const ours = await open(join(folder, 'images'), inputs, {
        transforms: [
          { op: 'resize', size: [224, 224] },
          { op: 'toTensor' },
          { op: 'normalize', mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
        ],
      });
      expect(theirs.length).toBe(1);
      expect((await theirs.get(0)).tensors['x']).toEqual((await ours.get(0)).tensors['x']);
    });
  },
);
