import type {Variables} from './environment.ts';

/**
 * `${NAME}` or `${NAME:-default}`. `$${` stands for a plain `${`; any other `${` is a mistake, which the last
 * alternative finds.
 */
const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

/** What became of one text of the file. */
export type Interpolated =
  | {readonly kind: 'plain'; readonly text: string}
  /** Something came from the environment; `isSecret` when any part of it must not be shown. */
  | {readonly kind: 'filled'; readonly text: string; readonly isSecret: boolean}
  /** All of the text was one variable that is not set: as if the key had been left out. */
  | {readonly kind: 'absent'; readonly variable: string}
  | {readonly kind: 'wrong'; readonly reason: string};

/** Names of the variables in a text. */
export function referencesIn(text: string): string[] {
  return [...text.matchAll(REFERENCE)].flatMap((match) => (match[1] === undefined ? [] : [match[1]]));
}

/** Puts the variables' values into a text. A value is put in as it is: what it holds is not looked into again. */
export function interpolate(text: string, variables: Variables): Interpolated {
  if (!text.includes('${')) return {kind: 'plain', text};
  const unset: string[] = [];
  let isFilled = false;
  let isSecret = false;
  let isWrong = false;
  const result = text.replace(REFERENCE, (whole: string, name: string | undefined, fallback: string | undefined) => {
    if (whole === '$${') return '${';
    if (name === undefined) {
      isWrong = true;
      return '';
    }
    isFilled = true;
    const variable = variables.get(name);
    if (variable !== undefined) isSecret ||= variable.isSecret;
    else if (fallback === undefined) unset.push(name);
    return variable?.text ?? fallback ?? '';
  });
  if (isWrong)
    return {
      kind: 'wrong',
      reason: 'expected ${NAME} or ${NAME:-default} (and $${ for a plain ${), found another use of ${',
    };
  const [variable] = unset;
  if (variable !== undefined) {
    if (text === `\${${variable}}`) return {kind: 'absent', variable};
    return {kind: 'wrong', reason: `expected a value for ${unset.join(' and ')}, found nothing in the environment`};
  }
  return isFilled ? {kind: 'filled', text: result, isSecret} : {kind: 'plain', text: result};
}
