/** `report`: render a saved report again. */
import * as path from 'node:path';
import { writeAtomically } from '../../files/writeAtomically';
import { readReport } from '../../report/readReport';
import { renderCsv } from '../../report/renderCsv';
import { renderHtml } from '../../report/renderHtml';
import { renderMarkdown } from '../../report/renderMarkdown';
import { renderTable } from '../../report/renderTable';
import type { Command } from '../commands';
import { tableOptions } from '../terminal';

const renderers = { html: renderHtml, md: renderMarkdown, csv: renderCsv } as const;

export const reportCommand: Command = {
  spec: {
    name: 'report',
    summary: 'Prints a saved report, or renders it to HTML, Markdown or CSV.',
    positionals: 'REPORT',
    minPositionals: 1,
    maxPositionals: 1,
    options: {
      html: { type: 'string', value: 'FILE', help: 'write a self-contained page' },
      md: { type: 'string', value: 'FILE', help: 'write Markdown' },
      csv: { type: 'string', value: 'FILE', help: 'write CSV, one row a variant' },
      json: { type: 'boolean', help: 'print the checked report as one JSON document' },
      help: { type: 'boolean', help: 'this text' },
    },
  },
  run: async ({ args, cwd, print }) => {
    const report = await readReport(path.resolve(cwd, args.positionals[0] ?? ''));
    let written = false;
    for (const [kind, render] of Object.entries(renderers)) {
      const file = args.text(kind);
      if (file === undefined) continue;
      await writeAtomically(path.resolve(cwd, file), render(report));
      written = true;
    }
    if (args.flag('json')) print(`${JSON.stringify(report, null, 2)}\n`);
    else if (!written) print(renderTable(report, tableOptions(process.stdout)));
    return 'done';
  },
};
