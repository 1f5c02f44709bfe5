// The list of runs, each with what it did.
import {pill, remarkList, scopeTitle} from './app-card.js';
import {h} from './dom.js';
import {compact, count, duration, exact, moment, outcomeText, secondsBetween} from './text.js';

/** @param {readonly any[]} runs newest first @param {boolean} hasMore @param {string} now */
export function runsCard(runs, hasMore, now) {
  if (runs.length === 0) return null;
  const heads = ['', 'Started', 'App', 'Mode', 'Outcome', 'Took', 'Read', 'Changed', 'Requests'];
  return h(
    'section',
    {class: 'card', 'data-key': 'runs', 'aria-label': 'Runs'},
    h('header', {}, h('h2', {}, 'Runs')),
    h(
      'div',
      {class: 'runs-head', 'aria-hidden': 'true'},
      heads.map((text, i) => h('span', {class: i > 4 ? 'n' : ''}, text)),
    ),
    runs.map((run) => runRow(run, now)),
    hasMore ? h('div', {class: 'more'}, h('button', {type: 'button', 'data-more': true}, 'Show older runs')) : null,
  );
}

/** @param {any} run @param {string} now */
function runRow(run, now) {
  const sum = (/** @type {string} */ key) =>
    run.streams.reduce((/** @type {number} */ total, /** @type {any} */ each) => total + each[key], 0);
  const seconds = secondsBetween(run.started_at, run.finished_at ?? now);
  const changed = sum('inserted') + sum('updated') + sum('deleted');
  const number = (/** @type {string} */ text) => h('span', {class: 'n rest'}, text);
  return h(
    'details',
    {class: 'run', 'data-key': run.run_id},
    h(
      'summary',
      {},
      h('time', {class: 'when', datetime: run.started_at, title: exact(run.started_at)}, moment(run.started_at, now)),
      h('span', {class: 'app', title: scopeTitle(run)}, scopeTitle(run)),
      h('span', {class: 'dim mode'}, run.mode),
      h('span', {class: 'outcome'}, pill(run.outcome)),
      number(duration(seconds)),
      number(compact(sum('read'))),
      number(compact(changed)),
      number(count(run.requests)),
      // The same in a line, where there is no room for columns.
      h(
        'span',
        {class: 'brief'},
        `${moment(run.started_at, now)} · ${run.mode} · ${duration(seconds)} · ${compact(changed)} changed`,
      ),
    ),
    h(
      'div',
      {class: 'inside'},
      run.remarks.length === 0 ? null : remarkList(run.remarks),
      streams(run),
      sinks(run),
      h('p', {class: 'dim'}, 'Run ', h('code', {}, run.run_id)),
    ),
  );
}

/** @param {any} run */
function streams(run) {
  const heads = ['Stream', 'Outcome', 'Pages', 'Read', 'New', 'Edited', 'Deleted', 'Unchanged', 'Rejected'];
  const rows = run.streams.map((/** @type {any} */ each) => {
    const [text, tone] = outcomeText(each.outcome);
    const numbers = ['pages', 'read', 'inserted', 'updated', 'deleted', 'unchanged', 'rejected'];
    return h(
      'tr',
      {},
      h('th', {scope: 'row'}, each.stream),
      h('td', {class: `tone ${tone}`}, text),
      numbers.map((key) => h('td', {class: `n ${each[key] === 0 ? 'zero' : ''}`}, count(each[key]))),
    );
  });
  const head = h(
    'tr',
    {},
    heads.map((text, i) => h('th', {scope: 'col', class: i > 1 ? 'n' : ''}, text)),
  );
  const table = h('table', {}, h('thead', {}, head), h('tbody', {}, rows));
  return h('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Streams of this run'}, table);
}

/** @param {any} run */
function sinks(run) {
  if (run.sinks.length === 0) return null;
  const told = run.sinks.map(
    (/** @type {any} */ {sink, outcome, rows}) => `${sink} ${outcomeText(outcome)[0]}, ${count(rows)} rows`,
  );
  return h('p', {class: 'dim'}, `Sinks: ${told.join('; ')}`);
}
