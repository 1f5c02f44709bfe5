import {DOCUMENTED} from './fill.ts';
import {pathName} from './problem.ts';
import type {KeyPath, Problem} from './problem.ts';
import {placeOf} from './settings.ts';
import type {Settings} from './settings.ts';
import {foundAt} from './shape.ts';

/** Keys that protect, or that say whom to trust, when they are there: without them all works, only not as it was meant. */
const NEVER_LEFT_OUT: ReadonlySet<string> = new Set(
  [
    ['source', 'base_url'],
    ['queue', 'url'],
    ['http', 'token'],
    ['notify', 'secret'],
  ].map(placeOf),
);

/**
 * What is to be said of keys that name a variable without a value: it may be misspelt. A key that names the very variable
 * that would fill it (`token: ${CLARIFAI_SYNC_TOKEN}`) is one that is left out, and nothing is said.
 */
export function tellUnset(settings: Settings): {readonly notes: readonly string[]; readonly problems: Problem[]} {
  const notes: string[] = [];
  const problems: Problem[] = [];
  for (const [place, variable] of settings.unset) {
    const path = JSON.parse(place) as KeyPath;
    if (DOCUMENTED.some((key) => placeOf(key.path) === place && key.variable === variable)) continue;
    if (NEVER_LEFT_OUT.has(place)) {
      const text = `expected a value or no such key, found ${foundAt(path, undefined, settings)}`;
      problems.push({path, origin: settings.originOf(path), text});
    } else {
      const name = pathName(path);
      notes.push(`${name} names the variable ${variable}, which is not set: taken as if ${name} were left out`);
    }
  }
  return {notes, problems};
}
