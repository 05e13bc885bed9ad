/**
 * The reports of a workspace, newest first: what the comparison view lists. A copy of each report is kept in the extension's
 * own storage, so that runs into the same folder can still be compared with each other. Pure but for the file system.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { CodedError } from '../../contract/errors';
import type { HistoryEntry } from '../../contract/panels/comparisonView';
import type { Report } from '../../contract/report';
import { fileName } from '../../contract/reportQueries';
import { writeAtomically } from '../../files/writeAtomically';
import { readReport } from '../../report/readReport';

/** Where the list itself lies: a `Memento` of the editor. */
export interface HistoryStore {
  get(): unknown;
  set(records: readonly HistoryRecord[]): Thenable<void>;
}

/** What is stored of a report. */
export type HistoryRecord = Omit<HistoryEntry, 'available' | 'files'>;

const keptReports = 50;

export class RunHistory {
  private readonly listeners = new Set<() => void>();

  /** @param folder for the copies; made when the first report comes */
  constructor(
    private readonly store: HistoryStore,
    private readonly folder: string,
  ) {}

  onDidChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Takes a report in, or moves it to the front. @returns its id */
  async add(report: Report, file: string): Promise<string> {
    const id = reportId(report, file);
    await mkdir(this.folder, { recursive: true });
    await writeAtomically(this.copyOf(id), JSON.stringify(report));
    const record: HistoryRecord = {
      id,
      model: fileName(report.model.path),
      createdAt: report.createdAt,
      path: file,
      precisions: report.variants.map(({ name }) => name),
      recommended: report.verdict.recommended,
    };
    const records = [record, ...this.records().filter((other) => other.id !== id)];
    for (const { id: old } of records.slice(keptReports)) await rm(this.copyOf(old), { force: true });
    await this.save(records.slice(0, keptReports));
    return id;
  }

  async forget(id: string): Promise<void> {
    await rm(this.copyOf(id), { force: true });
    await this.save(this.records().filter((record) => record.id !== id));
  }

  record(id: string): HistoryRecord | undefined {
    return this.records().find((record) => record.id === id);
  }

  /** Newest first by the report's own time. */
  async list(): Promise<HistoryEntry[]> {
    const records = this.records().sort((a, b) => b.createdAt.localeCompare(a.createdAt));
    return Promise.all(
      records.map(async (record) => {
        const files = await this.filesOf(record);
        return { ...record, files, available: files === 'there' || (await exists(this.copyOf(record.id))) };
      }),
    );
  }

  /** @throws CodedError REPORT_INVALID when neither the copy nor the file can be read */
  async read(id: string): Promise<Report> {
    const record = this.record(id);
    if (record === undefined) {
      throw new CodedError({
        code: 'REPORT_INVALID',
        reason: 'This report is no longer in the history.',
        fix: 'Open its report.json, or convert the model again.',
      });
    }
    return readReport((await exists(this.copyOf(id))) ? this.copyOf(id) : record.path);
  }

  private async filesOf(record: HistoryRecord): Promise<HistoryEntry['files']> {
    try {
      const { createdAt } = JSON.parse(await readFile(record.path, 'utf8')) as { createdAt?: unknown };
      return createdAt === record.createdAt ? 'there' : 'replaced';
    } catch {
      return 'gone';
    }
  }

  /** What an older or newer version stored may have another shape. */
  private records(): HistoryRecord[] {
    const stored = this.store.get();
    return Array.isArray(stored) ? stored.filter(isRecord) : [];
  }

  private async save(records: readonly HistoryRecord[]): Promise<void> {
    await this.store.set(records);
    for (const listener of this.listeners) listener();
  }

  private copyOf(id: string): string {
    return path.join(this.folder, `${id}.json`);
  }
}

/** The same for the same report in the same place. */
export function reportId({ createdAt, model }: Report, file: string): string {
  return createHash('sha256').update(`${createdAt}\n${model.sha256}\n${file}`).digest('hex').slice(0, 16);
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => null)) !== null;
}

function isRecord(value: unknown): value is HistoryRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Record<string, unknown>;
  const isText = (field: string) => typeof record[field] === 'string';
  return (
    ['id', 'model', 'createdAt', 'path'].every(isText) &&
    /^[0-9a-f]{16}$/.test(String(record['id'])) &&
    Array.isArray(record['precisions']) &&
    (record['recommended'] === null || isText('recommended'))
  );
}
