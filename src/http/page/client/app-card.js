// One app (or what belongs to its user): how fresh it is, what runs, what went wrong, and its streams.
import {historyChart, legend} from './chart.js';
import {h} from './dom.js';
import {perSecond} from './rates.js';
import {age, compact, count, duration, exact, moment, outcomeText, secondsBetween} from './text.js';

/** @param {any} scope @param {string} now @param {boolean} isAsking a request for a run of it is under way */
export function appCard(scope, now, isAsking) {
  const {current, last, history} = scope;
  const name = scopeTitle(scope);
  const id = `${scope.user_id}/${scope.app_id}`;
  return h(
    'section',
    {class: 'card', 'data-key': `app ${id}`, 'aria-label': name},
    h(
      'header',
      {},
      title(scope),
      current === null ? pill(last?.outcome ?? null, last !== null) : pill(null, true),
      actions(scope, isAsking),
    ),
    facts(scope, now),
    current === null ? null : going(current, now),
    last === null || last.remarks.length === 0 ? null : remarks(last, now),
    history.length === 0
      ? null
      : h(
          'div',
          {class: 'part', 'data-key': 'history'},
          h('div', {class: 'head'}, h('h3', {}, 'Run history'), legend(history)),
          historyChart(history, now),
        ),
    streamsTable(scope, name),
  );
}

/** @param {any} scope */
export const scopeTitle = ({user_id: user, app_id: app}) =>
  app === '' ? (user === '' ? 'everything' : user) : `${user}/${app}`;

/** @param {any} scope */
function title({user_id: user, app_id: app}) {
  if (app === '') return h('h2', {}, user, h('span', {class: 'owner'}, ' · streams of the user'));
  return h('h2', {}, h('span', {class: 'owner'}, `${user} / `), app);
}

/** @param {string | null} outcome @param {boolean} isThere */
export function pill(outcome, isThere = true) {
  const [text, tone] = isThere ? outcomeText(outcome) : ['no run has ended yet', 'idle'];
  return h('span', {class: `pill ${tone}`}, text);
}

/** @param {any} scope @param {boolean} isAsking */
function actions({user_id: user, app_id: app, current}, isAsking) {
  if (app === '') return null;
  const isOff = current !== null || isAsking;
  const button = (
    /** @type {string} */ mode,
    /** @type {string} */ text,
    /** @type {string} */ kind,
    /** @type {string} */ what,
  ) =>
    h(
      'button',
      {
        type: 'button',
        class: kind,
        'data-ask': mode,
        'data-user': user,
        'data-app': app,
        disabled: isOff,
        title: what,
        'aria-label': `${text}: ${user}/${app}`,
      },
      text,
    );
  return h(
    'div',
    {class: 'actions'},
    button('incremental', 'Sync now', 'main', 'Brings what changed'),
    button('full', 'Full sync', '', 'Reads everything and finds what was deleted'),
  );
}

/** @param {any} scope @param {string} now */
function facts(scope, now) {
  const {lag_seconds: lag, last_succeeded_at: succeeded, last_full_at: fullAt, last} = scope;
  const seconds = last === null ? null : secondsBetween(last.started_at, last.finished_at);
  const sum = (/** @type {string} */ key) =>
    last.streams.reduce((/** @type {number} */ total, /** @type {any} */ each) => total + each[key], 0);
  return h(
    'dl',
    {class: 'facts'},
    fact(
      'Lag',
      lag === null ? 'never' : age(lag),
      succeeded === null ? 'no run has succeeded yet' : `data as of ${moment(succeeded, now)}`,
    ),
    fact(
      'Last run',
      last === null ? 'none' : duration(seconds ?? 0),
      last === null ? 'the first one is under way' : `${last.mode}, ${moment(last.started_at, now)}`,
    ),
    fact(
      'Changed',
      last === null ? '–' : compact(sum('inserted') + sum('updated') + sum('deleted')),
      last === null
        ? ''
        : `${compact(sum('inserted'))} new, ${compact(sum('updated'))} edited, ${compact(sum('deleted'))} deleted`,
    ),
    fact(
      'Requests',
      last === null ? '–' : count(last.requests),
      last === null ? '' : last.throttled === 0 ? 'none throttled' : `${count(last.throttled)} throttled`,
    ),
    fact(
      'Last full run',
      fullAt === null ? 'never' : `${age(secondsBetween(fullAt, now))} ago`,
      fullAt === null ? 'deletions are found by it' : moment(fullAt, now),
    ),
  );
}

/** @param {string} name @param {string} value @param {string} sub */
function fact(name, value, sub) {
  return h('div', {}, h('dt', {}, name), h('dd', {}, value), sub === '' ? null : h('dd', {class: 'sub'}, sub));
}

/** @param {any} run @param {string} now */
function going(run, now) {
  const seconds = secondsBetween(run.started_at, now);
  const pages = run.streams.reduce((/** @type {number} */ total, /** @type {any} */ each) => total + each.pages, 0);
  const does =
    run.state === 'sealing' ? 'proving deletions' : run.state === 'closed' ? 'writing to the sinks' : 'reading';
  return h(
    'div',
    {class: 'part going', 'data-key': 'going'},
    h(
      'header',
      {},
      h('span', {}, `${run.mode === 'full' ? 'Full' : 'Incremental'} run: ${does}`),
      h(
        'span',
        {class: 'dim'},
        `for ${duration(seconds)}, ${count(pages)} pages, ${count(run.requests)} requests${run.throttled === 0 ? '' : `, ${count(run.throttled)} throttled`}`,
      ),
    ),
    h(
      'ul',
      {class: 'lanes', 'aria-label': 'Streams of the run under way'},
      run.streams.map((/** @type {any} */ each) => lane(run, each)),
    ),
  );
}

/** @param {any} run @param {any} stream */
function lane(run, {stream, outcome, pages, read, inserted, updated, started_at: started}) {
  const rate = perSecond(run.run_id, stream);
  const [text, tone] = outcomeText(outcome);
  const kind = outcome === null ? (started === null ? 'waiting' : 'moving') : 'done';
  const speed =
    outcome !== null ? text : started === null ? 'waiting' : rate === null ? 'reading' : `${count(Math.round(rate))}/s`;
  return h(
    'li',
    {class: 'lane', 'data-key': stream},
    h('span', {class: 'name'}, stream),
    h('span', {class: `track ${kind} ${outcome === null ? '' : tone}`, 'aria-hidden': 'true'}, h('i')),
    h(
      'span',
      {class: 'told'},
      started === null && outcome === null
        ? speed
        : `${count(pages)} pages, ${compact(read)} records, ${compact(inserted + updated)} changed · ${speed}`,
    ),
  );
}

/** What a person should read about a run. @param {any} run @param {string} now */
function remarks(run, now) {
  return h(
    'div',
    {class: 'part', 'data-key': 'remarks'},
    h('h3', {}, `About the run of ${moment(run.started_at, now)}`),
    remarkList(run.remarks),
  );
}

/** @param {readonly any[]} list */
export function remarkList(list) {
  const items = list.map(({severity, about, code, message, advice}) =>
    h(
      'li',
      {class: `remark ${severity === 'failure' ? 'bad' : 'warn'}`},
      h(
        'p',
        {class: 'what'},
        about === null ? null : h('b', {}, `${about}: `),
        message,
        ' ',
        code === null ? null : h('code', {}, code),
      ),
      h('p', {class: 'todo'}, advice),
    ),
  );
  return h('ul', {class: 'remarks'}, items);
}

/** @param {any} scope @param {string} name */
function streamsTable({streams}, name) {
  const heads = ['Stream', 'Last run', 'Lag', 'Read', 'New', 'Edited', 'Deleted', 'Rejected'];
  const number = (/** @type {number} */ n, tone = '') =>
    h('td', {class: `n ${n === 0 ? 'zero' : tone}`}, n === 0 ? '0' : count(n));
  const rows = streams.map((/** @type {any} */ each) => {
    const [text, tone] = outcomeText(each.outcome);
    const lag = each.lag_seconds === null ? 'never' : age(each.lag_seconds);
    return h(
      'tr',
      {'data-key': each.stream},
      h('th', {scope: 'row'}, each.stream),
      h('td', {class: `tone ${tone}`}, text),
      h(
        'td',
        {title: each.last_read_at === null ? 'never read in full' : `read in full ${exact(each.last_read_at)}`},
        lag,
      ),
      number(each.read),
      number(each.inserted),
      number(each.updated),
      number(each.deleted),
      number(each.open_rejects, 'tone warn'),
    );
  });
  const head = h(
    'tr',
    {},
    heads.map((text, i) => h('th', {scope: 'col', class: i > 2 ? 'n' : ''}, text)),
  );
  const table = h('table', {}, h('thead', {}, head), h('tbody', {}, rows));
  return h(
    'div',
    {class: 'part', 'data-key': 'streams'},
    h('h3', {}, 'Streams'),
    h('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Streams of ${name}`}, table),
  );
}
