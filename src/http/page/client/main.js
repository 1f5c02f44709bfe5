// Asks the JSON interface again and again, and shows what it says. Nothing is kept but what the reader asked for.
import {appCard, scopeTitle} from './app-card.js';
import {h, show} from './dom.js';
import {look} from './rates.js';
import {runsCard} from './runs.js';
import {besideCards} from './sections.js';

const BUSY_MS = 1_000;
const IDLE_MS = 5_000;
const SAID_MS = 6_000;
const RUNS_PAGE = 15;

/** @type {any} */
let overview = null;
/** @type {any[]} */
let runs = [];
let hasMoreRuns = false;
let wantedRuns = RUNS_PAGE;
let updatedMs = 0;
let asking = '';
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let saidTimer;

const place = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

async function poll() {
  clearTimeout(timer);
  try {
    const [nextOverview, nextRuns] = await Promise.all([ask('/api/streams'), ask(`/api/runs?limit=${wantedRuns}`)]);
    overview = nextOverview;
    runs = nextRuns.runs;
    hasMoreRuns = nextRuns.next_before !== null && wantedRuns < 200;
    updatedMs = Date.now();
    look(overview);
    place('notice').hidden = true;
    render();
  } catch (error) {
    place('notice').textContent =
      `The service does not answer: ${error instanceof Error ? error.message : String(error)}. Trying again.`;
    place('notice').hidden = false;
    tellAge();
  }
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(() => void poll(), isBusy() || asking !== '' ? BUSY_MS : IDLE_MS);
}

const isBusy = () => overview?.scopes.some((/** @type {any} */ {current}) => current !== null) === true;

/** @param {string} path @param {RequestInit} [init] */
async function ask(path, init) {
  const answer = await fetch(path, {...init, signal: AbortSignal.timeout(10_000)});
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error?.message ?? `it answered ${answer.status}`);
  return body;
}

function render() {
  const {scopes, now} = overview;
  show(
    place('apps'),
    scopes.length === 0
      ? [nothingYet()]
      : scopes.map((/** @type {any} */ each) => appCard(each, now, asking === scopeTitle(each))),
  );
  show(place('beside'), scopes.length + overview.pending_runs.length === 0 ? [] : besideCards(overview));
  // The style of an element is set by the object model: an attribute would be inline style, which the page forbids.
  for (const bar of document.querySelectorAll('[data-share]')) {
    /** @type {HTMLElement} */ (bar).style.width = `${Number(bar.getAttribute('data-share')) * 100}%`;
  }
  show(place('runs'), [runsCard(runs, hasMoreRuns, now)]);
  const queues = /** @type {HTMLAnchorElement} */ (place('queues'));
  queues.hidden = overview.queues === null;
  if (overview.queues !== null) queues.href = overview.queues;
  renderVerdict(scopes);
  tellAge();
}

/** @param {readonly any[]} scopes */
function renderVerdict(scopes) {
  const bad = scopes.filter(({last}) => last !== null && last.outcome !== 'succeeded');
  const [text, tone] = isBusy()
    ? ['a run is under way', 'busy']
    : scopes.length === 0
      ? ['nothing synced yet', 'idle']
      : bad.length === 0
        ? ['all is well', 'good']
        : [
            `${bad.length === 1 ? `${scopeTitle(bad[0])} needs` : `${bad.length} apps need`} a look`,
            bad.some(({last}) => last.outcome === 'failed') ? 'bad' : 'warn',
          ];
  const verdict = place('verdict');
  // A status that is set anew is read out anew.
  if (verdict.textContent !== text) verdict.textContent = text;
  verdict.className = `verdict pill ${tone}`;
  document.title = `${text} · clarifai-sync`;
}

function nothingYet() {
  return h(
    'section',
    {class: 'card hero', 'data-key': 'nothing'},
    h('h2', {}, 'Nothing was synced yet'),
    h('p', {class: 'empty'}, 'Apps show here as soon as their first run has begun: by a schedule, or by hand.'),
    h('code', {}, 'clarifai-sync sync'),
  );
}

function tellAge() {
  if (updatedMs === 0) return;
  const seconds = Math.round((Date.now() - updatedMs) / 1_000);
  place('updated').classList.toggle('live', seconds < 10);
  place('updated').textContent = seconds < 10 ? 'live' : `as of ${seconds} s ago`;
}

/** @param {string} text */
function say(text) {
  clearTimeout(saidTimer);
  place('said').textContent = text;
  saidTimer = setTimeout(() => (place('said').textContent = ''), SAID_MS);
}

/** @param {HTMLElement} button */
async function askForRun({dataset: {ask: mode, user, app}}) {
  asking = `${user}/${app}`;
  render();
  try {
    const body = JSON.stringify({user_id: user, app_id: app, mode});
    await ask('/api/runs', {method: 'POST', headers: {'content-type': 'application/json'}, body});
    say(`A ${mode} run of ${user}/${app} was asked for: it begins as soon as a worker is free.`);
  } catch (error) {
    say(`No run was begun: ${error instanceof Error ? error.message : String(error)}`);
  }
  asking = '';
  await poll();
}

document.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest('button') : null;
  if (button?.dataset['ask'] !== undefined) void askForRun(button);
  if (button?.dataset['more'] !== undefined) {
    wantedRuns = Math.min(200, wantedRuns * 3);
    void poll();
  }
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void poll();
});
setInterval(tellAge, 1_000);
void poll();
