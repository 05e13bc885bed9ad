/** Refuses what would run code or read libraries that come with a workspace, while the workspace is not trusted. */
import * as vscode from 'vscode';
import { CodedError } from '../contract/errors';
import { t } from './l10n';

/** @throws CodedError UNTRUSTED */
export function requireTrust(): void {
  if (vscode.workspace.isTrusted) return;
  throw new CodedError({
    code: 'UNTRUSTED',
    reason: t('This workspace is in Restricted Mode, so nothing in it is run.'),
    fix: t('Trust the workspace if you know where its files come from.'),
  });
}
