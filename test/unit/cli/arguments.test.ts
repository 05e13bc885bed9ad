import { describe, expect, it } from 'vitest';
import { commandHelp, parseArguments, quoteCommand, type CommandSpec } from '../../../extension/cli/arguments';

const spec: CommandSpec = {
  name: 'try',
  summary: 'Tries.',
  positionals: 'MODEL',
  minPositionals: 1,
  maxPositionals: 1,
  options: {
    target: { type: 'string', multiple: true, value: 'T', help: 'a target' },
    'fp16-mode': { type: 'boolean', help: 'half' },
    out: { type: 'string', value: 'DIR', help: 'folder' },
  },
};

describe('parseArguments', () => {
  it('reads numbers, and names option and command where there is none', () => {
    const parse = (text: string) => parseArguments(spec, ['m.onnx', '--out', text]).number('out');
    expect(parseArguments(spec, ['m.onnx']).number('out')).toBeUndefined();
    expect([parse('12'), parse('0.5'), parse('1e-3')]).toEqual([12, 0.5, 0.001]);
    for (const text of ['', ' ', 'ten', '1s', 'NaN', 'Infinity']) {
      expect(() => parse(text), text).toThrow(
        expect.objectContaining({
          code: 'USAGE',
          reason: `--out: ${JSON.stringify(text)} is not a number.`,
          fix: expect.stringContaining('precision-bench try --help') as string,
        }),
      );
    }
  });

  it('reads positionals, repeated values and flags', () => {
    const args = parseArguments(spec, ['m.onnx', '--target', 'sm_75', '--target=sm_89', '--fp16-mode']);
    expect(args.positionals).toEqual(['m.onnx']);
    expect(args.all('target')).toEqual(['sm_75', 'sm_89']);
    expect(args.flag('fp16-mode')).toBe(true);
    expect(args.text('out')).toBeUndefined();
  });

  it.each([
    [['--fp16_mode'], true],
    [['--fp16_mode=True'], true],
    [['--fp16-mode=1'], true],
    [['--fp16_mode=False'], false],
    [['--fp16_mode=0'], false],
  ])("takes torch2trt's spelling %j", (words, expected) => {
    expect(parseArguments(spec, ['m.onnx', ...words]).flag('fp16-mode')).toBe(expected);
  });

  it.each([
    [['m.onnx', '--tagret', 'x'], /--tagret.*--target/],
    [[], /MODEL is missing/],
    [['a', 'b'], /"b"/],
    [['m.onnx', '--out'], /--out/],
    [['m.onnx', '--fp16-mode=maybe'], /fp16-mode/],
  ])('refuses %j', (words, message) => {
    expect(() => parseArguments(spec, words)).toThrow(message);
  });
});

describe('commandHelp', () => {
  it('lists every option with its value and help', () => {
    const help = commandHelp(spec);
    for (const [name, { help: text }] of Object.entries(spec.options)) {
      expect(help).toContain(`--${name}`);
      expect(help).toContain(text);
    }
  });
});

describe('quoteCommand', () => {
  it('quotes what a shell would split or expand, and nothing else', () => {
    expect(quoteCommand(['convert', 'a b.onnx', "it's", '--shape', 'x=1x3:2x3', '*.npy', ''])).toBe(
      `convert 'a b.onnx' 'it'\\''s' --shape x=1x3:2x3 '*.npy' ''`,
    );
  });
});
