// What belongs to no app alone: budget, sinks, next starts.
import {scopeTitle} from './app-card.js';
import {h} from './dom.js';
import {age, count, exact, moment, secondsBetween} from './text.js';

/** @param {any} overview */
export function besideCards({budget, sinks, next_runs: next, pending_runs: pending, now, scopes}) {
  return [budgetCard(budget, scopes), sinksCard(sinks, now), nextCard(next, pending, now)];
}

/** @param {string} key @param {string} title @param {...(Element | null)} inside */
const small = (key, title, ...inside) =>
  h(
    'section',
    {class: 'card', 'data-key': key, 'aria-label': title},
    h('header', {}, h('h2', {}, title)),
    h('div', {class: 'inside'}, inside),
  );

/** @param {any} budget @param {readonly any[]} scopes */
function budgetCard({requests_per_second: limit, used_per_second: used}, scopes) {
  const isBusy = scopes.some(({current}) => current !== null);
  const figure = used === null ? (isBusy ? '…' : '0') : used.toFixed(1);
  const share = limit === 0 || used === null ? 0 : Math.min(1, used / limit);
  const of = limit === 0 ? 'requests a second, without a limit' : `of ${limit} requests a second`;
  const meter = {
    class: 'meter',
    role: 'meter',
    'aria-label': 'Requests per second',
    'aria-valuemin': 0,
    'aria-valuemax': limit,
    'aria-valuenow': (used ?? 0).toFixed(1),
  };
  return small(
    'budget',
    'Request budget',
    h('p', {class: 'big'}, `${figure} `, h('small', {}, of)),
    limit === 0 ? null : h('div', meter, h('i', {style: null, 'data-share': share.toFixed(3)})),
    h(
      'p',
      {class: 'dim'},
      isBusy ? 'All workers together, over the last ten seconds.' : 'Nothing is being read at the moment.',
    ),
  );
}

/** @param {readonly any[]} sinks @param {string} now */
function sinksCard(sinks, now) {
  if (sinks.length === 0) {
    return small(
      'sinks',
      'Sinks',
      h('p', {class: 'empty'}, 'The store’s own tables, and no other sink. They are current with each run.'),
    );
  }
  const rows = sinks.map((each) => {
    const {sink, sequence, runs_behind: behind, outcome, finished_at: at, error} = each;
    const state =
      behind === 0
        ? h('span', {class: 'pill good'}, 'current')
        : error !== undefined
          ? h('span', {class: 'pill bad'}, `${runs(behind)} behind`)
          : h('span', {class: 'pill warn'}, `${runs(behind)} behind`);
    const where = sequence === null ? 'has nothing yet' : `at run ${count(sequence)}`;
    const when = at === null ? '' : `, ${age(secondsBetween(at, now))} ago`;
    return h(
      'li',
      {'data-key': `${sink} ${scopeTitle(each)}`},
      h('b', {}, sink),
      outcome === null && behind > 0 ? h('span', {class: 'pill busy'}, 'writing') : state,
      h('span', {class: 'under'}, `${scopeTitle(each)} ${where}${when}`),
      error === undefined ? null : h('span', {class: 'under'}, `${error.message} `, h('code', {}, error.code)),
    );
  });
  return small('sinks', 'Sinks', h('ul', {class: 'rows'}, rows));
}

/** @param {number} n */
const runs = (n) => `${count(n)} run${n === 1 ? '' : 's'}`;

/** @param {readonly any[]} next @param {readonly any[]} pending @param {string} now */
function nextCard(next, pending, now) {
  if (next.length + pending.length === 0)
    return small(
      'next',
      'Next runs',
      h(
        'p',
        {class: 'empty'},
        'Nothing is scheduled here: runs are asked for with the button above, or by clarifai-sync sync.',
      ),
    );
  const rows = next.map((each) => {
    const inSeconds = secondsBetween(now, each.at);
    return h(
      'li',
      {'data-key': `${each.name} ${scopeTitle(each)}`},
      h('b', {}, each.name),
      h('time', {datetime: each.at, title: exact(each.at)}, inSeconds <= 0 ? 'now' : `in ${age(inSeconds)}`),
      h('span', {class: 'under'}, `${scopeTitle(each)}, ${moment(each.at, now)}`),
    );
  });
  const asked = pending.map((each) => {
    const inSeconds = secondsBetween(now, each.due_at);
    const state = inSeconds > 1 ? `in ${age(inSeconds)}` : 'waiting';
    return h(
      'li',
      {'data-key': `pending ${each.run_id}`},
      h('b', {}, `${each.mode} run`),
      h('span', {class: 'pill idle'}, state),
      h('span', {class: 'under'}, `${scopeTitle(each)}, asked for by ${each.asked_by}`),
    );
  });
  return small('next', 'Next runs', h('ul', {class: 'rows'}, asked, rows));
}
