import {resolve} from 'node:path';
import type {Problem} from './problem.ts';

/** The value of a variable, and whether it may be shown. */
export interface Variable {
  readonly text: string;
  readonly isSecret: boolean;
}

/** The variables that were asked for and have a value. */
export type Variables = ReadonlyMap<string, Variable>;

export interface EnvironmentSource {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that paths in `NAME_FILE` are relative to. */
  readonly cwd: string;
  readonly readFile: (path: string) => Promise<string>;
}

/** Variables that stand in for keys of the file without being named there. */
export const FIXED_VARIABLES = [
  'CLARIFAI_API_BASE',
  'CLARIFAI_PAT',
  'CLARIFAI_USER_ID',
  'CLARIFAI_APP_ID',
  'DATABASE_URL',
  'REDIS_URL',
  'CLARIFAI_SYNC_TOKEN',
] as const;

/** What names of secrets look like; better one value too many unseen than one secret in a log. */
const SECRET_NAME = /PAT$|TOKEN|SECRET|PASS|PWD|KEY|CREDENTIAL|DATABASE_URL|REDIS_URL|DSN|WEBHOOK/i;

/**
 * The values of some variables. NAME, or else the trimmed content of the file that NAME_FILE names. An empty value
 * counts as none, as in a compose file that passes on what is not set.
 */
export async function readVariables(
  names: Iterable<string>,
  source: EnvironmentSource,
): Promise<{variables: Variables; problems: Problem[]}> {
  const variables = new Map<string, Variable>();
  const problems: Problem[] = [];
  for (const name of new Set(names)) {
    const direct = source.env[name] ?? '';
    const file = source.env[`${name}_FILE`] ?? '';
    if (direct !== '' && file !== '') {
      problems.push({path: [], origin: name, text: `expected one of ${name} and ${name}_FILE, found both`});
    } else if (direct !== '') {
      variables.set(name, {text: direct, isSecret: SECRET_NAME.test(name)});
    } else if (file !== '') {
      const content = await secretFile(name, file, source);
      if (typeof content === 'string') variables.set(name, {text: content, isSecret: true});
      else problems.push(content);
    }
  }
  return {variables, problems};
}

async function secretFile(name: string, file: string, source: EnvironmentSource): Promise<string | Problem> {
  const origin = `${name}_FILE`;
  try {
    const content = (await source.readFile(resolve(source.cwd, file))).trim();
    return content === ''
      ? {path: [], origin, text: 'expected a file with a secret in it, found an empty one'}
      : content;
  } catch (error) {
    return {path: [], origin, text: `expected the name of a file that can be read, found ${errorCode(error)}`};
  }
}

/** The system's word for what went wrong, such as ENOENT. */
export function errorCode(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'an error';
}
