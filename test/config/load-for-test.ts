import type {Config} from '../../src/config/config.ts';
import {loadConfig} from '../../src/config/load.ts';
import type {LoadConfigOptions} from '../../src/config/load.ts';
import {ConfigError} from '../../src/config/problem.ts';

/** Enough of an environment for a configuration without a file. */
export const COMPLETE = {CLARIFAI_PAT: 'token-of-test', CLARIFAI_USER_ID: 'me', CLARIFAI_APP_ID: 'my-app'};

export interface Given {
  /** Text of /work/clarifai-sync.yaml; left out: there is no such file. */
  readonly yaml?: string;
  readonly env?: Record<string, string>;
  /** Further files by absolute path. */
  readonly files?: Record<string, string>;
  readonly options?: Partial<LoadConfigOptions>;
}

/** Loads a configuration from files that exist in memory only. */
export async function load({yaml, env = COMPLETE, files = {}, options = {}}: Given): Promise<Config> {
  const all: Record<string, string> = yaml === undefined ? files : {...files, '/work/clarifai-sync.yaml': yaml};
  return loadConfig({
    env,
    cwd: '/work',
    knownStreams: [
      {name: 'inputs', strategy: 'tail'},
      {name: 'annotations', strategy: 'window'},
    ],
    readFile: (path) => {
      const content = all[path];
      if (content !== undefined) return Promise.resolve(content);
      return Promise.reject(Object.assign(new Error('no such file'), {code: 'ENOENT'}));
    },
    ...options,
  });
}

/** The message of the ConfigError that loading throws. */
export async function refusal(given: Given): Promise<string> {
  try {
    await load(given);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('the configuration was accepted');
}
