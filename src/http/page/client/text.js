// How figures and times are written for people.

const whole = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', {notation: 'compact', maximumFractionDigits: 1});
const clock = new Intl.DateTimeFormat(undefined, {hour: '2-digit', minute: '2-digit', hour12: false});
const day = new Intl.DateTimeFormat(undefined, {day: 'numeric', month: 'short'});
const full = new Intl.DateTimeFormat(undefined, {dateStyle: 'medium', timeStyle: 'long'});

/** @param {number} n */
export const count = (n) => whole.format(n);

/** @param {number} n */
export const compact = (n) => (n < 10_000 ? whole.format(n) : short.format(n));

/** Two units at most. @param {number} seconds @example duration(3725) // '1 h 2 min' */
export function duration(seconds) {
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min${seconds < 600 ? ` ${Math.floor(seconds % 60)} s` : ''}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`;
  return `${Math.floor(hours / 24)} d`;
}

/** How old something is, in one unit. @param {number} seconds */
export function age(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** @param {string} iso @param {string} nowIso */
export function moment(iso, nowIso) {
  const at = new Date(iso);
  const isToday = at.toDateString() === new Date(nowIso).toDateString();
  return isToday ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`;
}

/** @param {string} iso */
export const exact = (iso) => full.format(new Date(iso));

/** @param {string} from @param {string} to */
export const secondsBetween = (from, to) => (Date.parse(to) - Date.parse(from)) / 1_000;

/** What each outcome is called, and its tone. @type {Record<string, [text: string, tone: string]>} */
const OUTCOMES = {
  succeeded: ['succeeded', 'good'],
  skipped: ['nothing to do', 'good'],
  partial: ['partial', 'warn'],
  throttled: ['throttled', 'warn'],
  interrupted: ['interrupted', 'warn'],
  unavailable: ['not offered', 'idle'],
  failed: ['failed', 'bad'],
};

/** @param {string | null} outcome @returns {[text: string, tone: string]} */
export const outcomeText = (outcome) =>
  outcome === null ? ['running', 'busy'] : (OUTCOMES[outcome] ?? [outcome, 'idle']);
