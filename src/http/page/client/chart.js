// The last runs of an app as bars: how long each took, and what came of it.
import {h} from './dom.js';
import {count, duration, moment, outcomeText} from './text.js';

const WIDTH = 1000;
const HEIGHT = 64;
const PLACES = 40;

/** @param {readonly any[]} history oldest first @param {string} now */
export function historyChart(history, now) {
  const longest = Math.max(...history.map((run) => run.duration_seconds), 0.1);
  const step = WIDTH / PLACES;
  const bars = history.map((run, i) => {
    const [text, tone] = outcomeText(run.outcome);
    const height = Math.max(4, (run.duration_seconds / longest) * (HEIGHT - 4));
    const x = i * step;
    const told = `${moment(run.started_at, now)}: ${run.mode}, ${text}, ${duration(run.duration_seconds)}, ${count(run.changed)} changed`;
    const place = {x: x + 1.5, y: HEIGHT - height, width: step - 3, height};
    return h('rect', {...place, rx: 2, class: tone, 'data-key': run.run_id}, h('title', {}, told));
  });
  const bad = history.filter(({outcome}) => outcome !== 'succeeded').length;
  const label = `Durations of the last ${history.length} runs, the longest ${duration(longest)}; ${bad === 0 ? 'all succeeded' : `${bad} did not succeed`}`;
  const ground = h('line', {
    class: 'ground',
    x1: 0,
    x2: WIDTH,
    y1: HEIGHT,
    y2: HEIGHT,
    'vector-effect': 'non-scaling-stroke',
  });
  const first = history[0];
  return h(
    'figure',
    {class: 'chart'},
    h(
      'svg',
      {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label},
      ground,
      bars,
    ),
    h(
      'figcaption',
      {},
      h(
        'span',
        {},
        first === undefined
          ? ''
          : `${history.length === 1 ? 'one run' : `${history.length} runs`} since ${moment(first.started_at, now)}`,
      ),
      h('span', {}, `longest ${duration(longest)}`),
    ),
  );
}

/** What the colours stand for, of the outcomes that occur. @param {readonly any[]} history */
export function legend(history) {
  const outcomes = [...new Set(history.map(({outcome}) => outcome))].map(outcomeText);
  return h(
    'p',
    {class: 'legend'},
    outcomes.map(([text, tone]) => h('span', {class: tone}, text)),
  );
}
