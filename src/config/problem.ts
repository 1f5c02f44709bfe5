import {UsageError} from '../core/errors.ts';

/** Where a value sits in the file: keys and positions from the outside in. */
export type KeyPath = readonly (string | number)[];

/** One thing that is wrong with the configuration. */
export interface Problem {
  /** Empty when it concerns no key, such as text that is not YAML. */
  readonly path: KeyPath;
  /** Where to look: `clarifai-sync.yaml:4:3`, or the name of a variable; null when neither has anything there. */
  readonly origin: string | null;
  /** What was expected and what was found; never a secret. */
  readonly text: string;
}

/** The configuration cannot be used. The message lists every problem, one a line; correct the file or the environment. */
export class ConfigError extends UsageError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(renderProblems(problems), {context: {problems: problems.length}});
    this.problems = problems;
  }
}

/**
 * How a path is written for people.
 * @example pathName(['sinks', 1, 'format']) // 'sinks[1].format'
 */
export function pathName(path: KeyPath): string {
  return path.reduce<string>((name, part) => {
    if (typeof part === 'number') return `${name}[${part}]`;
    if (!/^[\w-]+$/.test(part)) return `${name}[${JSON.stringify(shortened(part))}]`;
    return name === '' ? part : `${name}.${part}`;
  }, '');
}

/** What was found, as kind and shortened value; a secret by its kind alone. */
export function found(value: unknown, isSecret: boolean): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'a mapping';
  const kind = typeof value === 'string' ? 'text' : typeof value === 'boolean' ? 'true or false' : 'number';
  if (isSecret) return `${kind} that is not shown`;
  return typeof value === 'string' ? `${JSON.stringify(shortened(value))} (text)` : `${String(value)} (${kind})`;
}

/** At most 60 characters, and without the user and password of a URL, even where they make it unreadable. */
function shortened(text: string): string {
  const safe = text.replace(/:\/\/.*@/s, '://***@');
  return safe.length > 60 ? `${safe.slice(0, 57)}...` : safe;
}

function renderProblems(problems: readonly Problem[]): string {
  const lines = problems.map(({path, origin, text}) => {
    const place = [origin, pathName(path)].filter((part) => part !== null && part !== '').join(' ');
    return `  ${place === '' ? '' : `${place}: `}${text}`;
  });
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return `the configuration has ${count}:\n${lines.join('\n')}`;
}
