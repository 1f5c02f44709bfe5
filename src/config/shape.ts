import type {z} from 'zod';
import {nearMiss} from './near-miss.ts';
import {found} from './problem.ts';
import type {KeyPath, Problem} from './problem.ts';
import {placeOf, valueAt, withValue} from './settings.ts';
import type {Settings} from './settings.ts';
import {FILE} from './table.ts';
import type {FileValues} from './table.ts';
import {keysOf, SECRET_KEYS} from './table-rows.ts';

export type Shaped =
  {readonly kind: 'good'; readonly values: FileValues} | {readonly kind: 'bad'; readonly problems: readonly Problem[]};

type Issue = z.core.$ZodIssue;

/**
 * Checks every key against the table. Text that came from a variable counts as the number or yes-or-no that is
 * expected there, because the environment has nothing but text.
 */
export function checkShape(settings: Settings): Shaped {
  let {tree} = settings;
  let result = FILE.safeParse(tree);
  for (const issue of result.error?.issues ?? []) {
    const path = keyPath(issue.path);
    if (!settings.filled.has(placeOf(path))) continue;
    const value = fromText(valueAt(tree, path), issue);
    if (value !== undefined) tree = withValue(tree, path, value);
  }
  if (tree !== settings.tree) result = FILE.safeParse(tree);
  if (result.success) return {kind: 'good', values: result.data};
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, settings));
  const isFirst = ({path, text}: Problem, i: number) =>
    problems.findIndex((other) => other.text === text && placeOf(other.path) === placeOf(path)) === i;
  return {kind: 'bad', problems: problems.filter(isFirst)};
}

function fromText(value: unknown, issue: Issue): number | boolean | undefined {
  if (typeof value !== 'string') return undefined;
  const expected = issue.code === 'invalid_type' ? issue.expected : issue.code;
  if (expected === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  const isNumber = ['number', 'int'].includes(expected) && /^-?\d{1,15}(\.\d{1,15})?$/.test(value);
  return isNumber ? Number(value) : undefined;
}

function problemsOf(issue: Issue, settings: Settings): Problem[] {
  const path = keyPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = keysOf(path, settings.tree);
    return issue.keys.map((key) => {
      const meant = nearMiss(key, known);
      const hint = meant === undefined ? `known here: ${known.join(', ')}` : `did you mean ${meant}?`;
      const place = [...path, key];
      return {path: place, origin: settings.originOf(place), text: `expected a known key, found another; ${hint}`};
    });
  }
  const value = valueAt(settings.tree, path);
  if (issue.code === 'invalid_type' && issue.expected === 'object' && typeof value === 'string') {
    // Text where a mapping belongs may be anything, a secret under the wrong key included.
    const text = `expected ${expectedOf(issue)}, found ${found(value, true)}`;
    return [{path, origin: settings.originOf(path), text}];
  }
  const text = `expected ${expectedOf(issue)}, found ${foundAt(path, value, settings)}${suggestion(issue, value)}`;
  return [{path, origin: settings.originOf(path), text}];
}

function expectedOf(issue: Issue): string {
  return issue.code === 'invalid_type' && issue.message.startsWith('Invalid input')
    ? 'a mapping of keys'
    : issue.message;
}

/** What was found, with the variable that was to give it. */
export function foundAt(path: KeyPath, value: unknown, settings: Settings): string {
  const variable = settings.unset.get(placeOf(path));
  if (variable !== undefined) return `nothing, because the variable ${variable} is not set`;
  const isSecret = path.some((part) => SECRET_KEYS.has(part)) || settings.filled.get(placeOf(path))?.isSecret === true;
  return found(value, isSecret);
}

function suggestion(issue: Issue, value: unknown): string {
  const words =
    issue.code === 'invalid_value'
      ? issue.values
      : issue.code === 'invalid_union' && 'options' in issue
        ? issue.options
        : [];
  if (typeof value !== 'string' || !Array.isArray(words)) return '';
  const meant = nearMiss(
    value,
    words.filter((word): word is string => typeof word === 'string'),
  );
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}

const keyPath = (path: readonly PropertyKey[]): KeyPath =>
  path.map((part) => (typeof part === 'symbol' ? String(part) : part));
