import {scopeKind, scopeName} from '../core/scope.ts';
import {runDocument, type RunDocument} from '../store/run-document.ts';
import type {RunReport, StreamRun} from '../store/run-reports.ts';
import {nameColumn} from './table-text.ts';

/**
 * What `sync --json` tells of runs: one document per app. Streams of a user, and those that are the same for
 * everybody, are read by runs of their own and told with the first app (of that user), their requests and their failures
 * included; where no app was synced, such a run is told by itself.
 */
export function runJson(runs: readonly {readonly report: RunReport}[]): RunDocument[] {
  const documents = runs.map(({report}) => ({kind: scopeKind(report.run.scope), document: runDocument(report)}));
  const apps = documents.filter(({kind}) => kind === 'app').map(({document}) => document);
  const left = documents.filter(({kind}) => kind !== 'app');
  const joined = apps.map((app) => {
    let whole = app;
    for (const other of [...left]) {
      if (other.kind !== 'global' && other.document.user_id !== app.user_id) continue;
      left.splice(left.indexOf(other), 1);
      const {requests, throttled, streams, outcome} = other.document;
      whole = {
        ...whole,
        // A stream of it failed, or was not reached: what is told as a whole is no success.
        outcome: whole.outcome === 'succeeded' && outcome !== 'succeeded' ? 'partial' : whole.outcome,
        requests: whole.requests + requests,
        throttled: whole.throttled + throttled,
        streams: [...whole.streams, ...streams],
      };
    }
    return whole;
  });
  return [...joined, ...left.map(({document}) => document)];
}

/** The same for people: a line for the run and one for each stream. */
export function runLines(report: RunReport): string[] {
  const {run, outcome, startedAt, finishedAt, requests, throttled, failure, streams, sinks} = report;
  const seconds = finishedAt === null ? null : (finishedAt.getTime() - startedAt.getTime()) / 1000;
  const throttledText = throttled === 0 ? '' : `, ${throttled} throttled`;
  const secondsText = seconds === null ? '' : ` in ${seconds.toFixed(1)} s`;
  const head = `${scopeName(run.scope)}: ${run.mode} run ${outcome ?? 'in progress'}${secondsText}, ${requests} requests${throttledText} (${run.runId})`;
  const column = nameColumn([...streams.map(({stream}) => stream), ...sinks.map(({sink}) => `sink ${sink}`)]);
  const behind = sinks.map(
    ({sink, outcome: came, rows, failure: cause}) =>
      `  ${column(`sink ${sink}`)} ${(came ?? 'open').padEnd(11)} ${rows} rows${cause === null ? '' : `: ${cause.message} [${cause.code}]`}`,
  );
  const why = failure === null ? [] : [`  ended early: ${failure.message} [${failure.code}]`];
  return [head, ...why, ...streams.map((stream) => streamLine(stream, column)), ...behind];
}

function streamLine(stream: StreamRun, column: (name: string) => string): string {
  const counts = (
    [
      ['read', stream.read],
      ['inserted', stream.inserted],
      ['updated', stream.updated],
      ['deleted', stream.deleted],
      ['unchanged', stream.unchanged],
      ['repaired', stream.repaired],
      ['rejected', stream.rejected],
      ['deletions held back', stream.heldBack],
      ['deletions not proved yet', stream.unproved],
    ] as const
  )
    .filter(([name, count]) => count > 0 || name === 'read')
    .map(([name, count]) => `${count} ${name}`);
  const {sourceCount, mirrorCount} = stream;
  const differs = sourceCount !== null && mirrorCount !== null && sourceCount !== mirrorCount;
  const gap = differs ? `, ${sourceCount} at the source and ${mirrorCount} here` : '';
  const failure = stream.failure === null ? '' : `: ${stream.failure.message} [${stream.failure.code}]`;
  return `  ${column(stream.stream)} ${(stream.outcome ?? 'open').padEnd(11)} ${counts.join(', ')}${gap}${failure}`;
}
