import {scopeKind, scopeName, type Scope} from '../core/scope.ts';
import type {StreamVerdict} from '../jobs/verify.ts';
import type {SinkVerdict} from '../jobs/verify-sinks.ts';
import type {Drift} from '../store/drift.ts';
import type {Suspect} from '../store/verify-rows.ts';
import {tableLines} from './table-text.ts';

/** What `verify` found of one scope. */
export interface ScopeVerdict {
  readonly scope: Scope;
  readonly streams: readonly StreamVerdict[];
  readonly sinks: readonly SinkVerdict[];
}

/** What differs, by stream and place. */
export function driftOf({streams, sinks}: ScopeVerdict): Drift[] {
  const atSource = streams.map((verdict): Drift => {
    const {stream, drift, countGap, examples} = verdict;
    const gap = countGap === 0 ? [] : [gapText(verdict)];
    return {
      stream,
      place: 'source',
      records: drift + Math.abs(countGap),
      examples: [...gap, ...examples.map(suspectText)],
    };
  });
  const inSinks = sinks.flatMap(({sink, streams: found}) =>
    found.map(({stream, differing, faults}): Drift => {
      return {stream, place: `sink:${sink}`, records: differing, examples: faults.slice(0, TOLD).map(({text}) => text)};
    }),
  );
  return [...atSource, ...inSinks].filter(({records}) => records > 0);
}

const TOLD = 20;

const WHAT: Record<Suspect['what'], string> = {
  missing_here: 'at the source and not alive here',
  missing_there: 'alive here and not at the source',
  different: 'not the same here as at the source',
  altered: 'changed here by somebody else than a run',
};

function suspectText({key, what, runId}: Suspect): string {
  return `${key.join(' / ')}: ${WHAT[what]}${runId === null ? '' : `, as of run ${runId}`}`;
}

const gapText = ({sourceCount, mirrorCount}: StreamVerdict): string =>
  `the source counts ${sourceCount ?? '?'} records, here are ${mirrorCount}`;

/** What can be done about it. */
function remedy({stream, examples, drift, countGap}: StreamVerdict, scope: Scope): string | null {
  if (drift === 0 && countGap === 0) return null;
  const app = scopeKind(scope) === 'app' ? ` --app ${scopeName(scope)}` : '';
  const sync = `clarifai-sync sync --full${app} --stream ${stream}`;
  if (!examples.some(({what}) => what === 'altered')) {
    return `run "${sync}"; what differs after it too: "clarifai-sync reset${app} --stream ${stream}", then once more`;
  }
  return `a run compares by hash and does not see what was changed here: delete those rows of clarifai.${stream}, then "${sync}"`;
}

/** The report for people. */
export function verdictLines({scope, streams, sinks}: ScopeVerdict): string[] {
  const columns = ['stream', 'compared', 'read', 'at the source', 'here', 'drift', 'unsettled'];
  const rows = streams.map((each) => [
    each.stream,
    each.unread === null ? each.how : 'not',
    each.read,
    each.sourceCount ?? '?',
    each.mirrorCount,
    each.drift + Math.abs(each.countGap),
    each.unsettled,
  ]);
  return [
    `${scopeName(scope)}:`,
    ...tableLines(columns, rows).map((line) => `  ${line}`),
    ...streams.flatMap((each) => remarks(each, scope)),
    ...sinks.flatMap(sinkLines),
  ];
}

function remarks(verdict: StreamVerdict, scope: Scope): string[] {
  const {stream, unread, examples, countGap, lastRunId} = verdict;
  if (unread !== null) return [`  ${stream}: could not be compared: ${unread}`];
  const what = remedy(verdict, scope);
  if (what === null) return [];
  return [
    ...(countGap === 0 ? [] : [`  ${stream}: ${gapText(verdict)}`]),
    ...examples.map((each) => `  ${stream} ${suspectText(each)}`),
    ...(lastRunId === null ? [] : [`  ${stream}: last read by run ${lastRunId}`]),
    `  ${stream}: ${what}`,
  ];
}

function sinkLines({sink, streams, checked, unread}: SinkVerdict): string[] {
  if (unread !== null) return [`  sink ${sink}: could not be compared: ${unread}`];
  const differing = streams.reduce((sum, each) => sum + each.differing, 0);
  const head = `  sink ${sink}: ${checked} tables or parts compared, ${differing} differences`;
  const faults = streams.flatMap(({faults: all}) =>
    all.slice(0, TOLD).map(({text, runId}) => `  sink ${sink}: ${text}${runId === null ? '' : ` (run ${runId})`}`),
  );
  const advice = `  sink ${sink}: to have it made anew, give it an empty place (another schema or prefix), then "clarifai-sync sync"`;
  return [head, ...faults, ...(differing === 0 ? [] : [advice])];
}

/** The same as `--json` gives it. */
export function verdictDocument(verdict: ScopeVerdict) {
  const {scope, streams, sinks} = verdict;
  return {
    user_id: scope.userId,
    app_id: scope.appId,
    drift: driftOf(verdict).length > 0,
    streams: streams.map((each) => ({
      stream: each.stream,
      compared: each.unread === null ? each.how : 'none',
      read: each.read,
      source_count: each.sourceCount,
      mirror_count: each.mirrorCount,
      drift: each.drift + Math.abs(each.countGap),
      unsettled: each.unsettled,
      last_run_id: each.lastRunId,
      examples: each.examples.map(({what, key, runId}) => ({what, key, run_id: runId})),
      advice: remedy(each, scope),
      ...(each.unread === null ? {} : {error: each.unread}),
    })),
    sinks: sinks.map(({sink, checked, streams: found, unread}) => ({
      sink,
      checked,
      drift: found.reduce((sum, {differing}) => sum + differing, 0),
      streams: found.map(({stream, sequence, rows, differing, faults}) => ({
        stream,
        sequence,
        rows,
        drift: differing,
        examples: faults.slice(0, TOLD).map(({text, runId}) => ({text, run_id: runId})),
      })),
      ...(unread === null ? {} : {error: unread}),
    })),
  };
}
