import {adviceFor} from '../core/advice.ts';
import {YIELDED} from '../core/outcome.ts';
import type {RunReport} from '../store/run-reports.ts';

/** Something about a run that a person should read, with what to do about it. */
export interface Remark {
  readonly severity: 'failure' | 'warning';
  /** The stream or sink that it is about; null: the run as a whole. */
  readonly about: string | null;
  /** Stable code of an error; null where it is no error but a guard or a finding. */
  readonly code: string | null;
  readonly message: string;
  readonly advice: string;
}

/** Why a run did not succeed, and what should be known although it did. */
export function remarksOf(report: RunReport): Remark[] {
  const {failure, outcome, streams, sinks} = report;
  const remarks: Remark[] = [];
  // That a run made way is how it should be: nobody has to read it.
  if (failure !== null && failure.code !== YIELDED) {
    const severity = outcome === 'interrupted' || outcome === 'throttled' ? 'warning' : 'failure';
    remarks.push({severity, about: null, ...told(failure)});
  }
  for (const {stream, failure: why} of streams) {
    if (why !== null && why.code !== failure?.code) remarks.push({severity: 'failure', about: stream, ...told(why)});
  }
  for (const {sink, outcome: came, failure: why} of sinks) {
    if (why !== null) remarks.push({severity: 'failure', about: sink, ...told(why)});
    else if (came === 'interrupted')
      remarks.push(finding(sink, 'the sink did not get this run', 'The next run catches up.'));
  }
  for (const stream of streams) {
    const {stream: name, heldBack, unproved, newlyRejected, sourceCount, mirrorCount} = stream;
    if (heldBack > 0)
      remarks.push(
        finding(name, `${count(heldBack, 'deletion')} held back: more than run.max_delete_ratio allows`, HELD_BACK),
      );
    if (newlyRejected > 0)
      remarks.push(finding(name, `${count(newlyRejected, 'record')} could not be stored`, REJECTED));
    if (unproved > 0)
      remarks.push(
        finding(name, `${count(unproved, 'deletion')} not proved yet: run.proof_requests is used up`, UNPROVED),
      );
    if (sourceCount !== null && mirrorCount !== null && sourceCount !== mirrorCount)
      remarks.push(finding(name, `${sourceCount} at the source, ${mirrorCount} here`, DRIFT));
  }
  return remarks;
}

const HELD_BACK = 'Look at the app. If so much was really deleted: "clarifai-sync sync --full --allow-mass-delete".';
const REJECTED = '"clarifai-sync rejects list" has each with its reason; the other records are stored.';
const UNPROVED = 'Nothing: the next full run goes on with them.';
const DRIFT = 'Often a change under way. If it lasts, a full run is made by itself within a day.';

function told({code, message}: {readonly code: string; readonly message: string}) {
  return {code, message, advice: adviceFor(code)};
}

function finding(about: string, message: string, advice: string): Remark {
  return {severity: 'warning', about, code: null, message, advice};
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
