import {UsageError} from '../core/errors.ts';
import {scopeName} from '../core/scope.ts';
import {runOfApi} from '../http/documents.ts';
import {runDocument} from '../store/run-document.ts';
import {reportRuns, type RunReport} from '../store/run-reports.ts';
import type {Context} from './context.ts';
import {wholeNumber} from './number-flag.ts';
import {NOTHING_SYNCED, storeToRead} from './read-store.ts';
import {runLines} from './run-text.ts';
import {durationText, tableLines} from './table-text.ts';

const DEFAULT_LIMIT = 20;

/** Lists runs, newest first; `--json` one document a line. */
export async function listRuns(
  context: Context,
  flags: {readonly json?: boolean; readonly limit?: string},
): Promise<number> {
  const limit = wholeNumber('--limit', flags.limit) ?? DEFAULT_LIMIT;
  const {out} = context.surroundings;
  const store = await storeToRead(context, await context.config([]));
  const reports = store === null ? [] : await reportRuns(store, {limit});
  if (flags.json === true) for (const report of reports) out(JSON.stringify(runDocument(report)));
  else if (reports.length === 0) out(NOTHING_SYNCED);
  else for (const line of tableLines(HEAD, reports.map(runRow))) out(line);
  return 0;
}

/** Tells all that the ledger knows of one run. Throws UsageError when there is none with that id. */
export async function showRun(context: Context, runId: string, isJson: boolean): Promise<number> {
  if (!/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(runId)) {
    throw new UsageError(`RUN_ID: expected the id of a run as "clarifai-sync runs" lists them, found "${runId}"`);
  }
  const store = await storeToRead(context, await context.config([]));
  const [report] = store === null ? [] : await reportRuns(store, {runId, limit: 1});
  if (report === undefined) throw new UsageError(`there is no run ${runId}: see "clarifai-sync runs"`);
  const {out} = context.surroundings;
  if (isJson) {
    out(JSON.stringify(runOfApi(report)));
    return 0;
  }
  const [head = '', ...rest] = runLines(report);
  out(head);
  out(`  started ${report.startedAt.toISOString()}, finished ${report.finishedAt?.toISOString() ?? 'not yet'}`);
  out(`  waited ${durationText(report.waitedMs / 1000)} for the budget and retries, all requests together`);
  for (const line of rest) out(line);
  const rows = report.streams.map(({stream, strategy, pages, sourceCount, startedAt, finishedAt}) => [
    stream,
    strategy,
    pages,
    startedAt?.toISOString() ?? 'not begun',
    startedAt === null || finishedAt === null ? '' : durationText((finishedAt.getTime() - startedAt.getTime()) / 1000),
    sourceCount ?? '',
  ]);
  const columns = ['stream', 'strategy', 'pages', 'first commit', 'took', 'source count'];
  for (const line of tableLines(columns, rows)) out(`  ${line}`);
  return 0;
}

const HEAD = ['run', 'started', 'app', 'mode', 'outcome', 'took', 'requests', 'read', 'changed'];

function runRow({run, startedAt, finishedAt, outcome, requests, streams}: RunReport): (string | number)[] {
  const sum = (of: (stream: RunReport['streams'][number]) => number): number =>
    streams.reduce((total, stream) => total + of(stream), 0);
  return [
    run.runId,
    startedAt.toISOString(),
    scopeName(run.scope),
    run.mode,
    outcome ?? 'in progress',
    finishedAt === null ? '' : durationText((finishedAt.getTime() - startedAt.getTime()) / 1000),
    requests,
    sum(({read}) => read),
    sum(({inserted, updated, deleted}) => inserted + updated + deleted),
  ];
}
