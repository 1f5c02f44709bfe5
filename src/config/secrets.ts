import {ConfigError} from './problem.ts';
import type {Config, SourceConfig} from './config.ts';

/** Every secret of the configuration, for the logger to keep out of what it writes. */
export function secretsOf(config: Config): string[] {
  const {store, sinks, source, http, notify, queueUrl} = config;
  const plain = [source.pat, http.token, notify?.secret, notify?.webhook];
  const urls = [queueUrl, store.kind === 'url' ? store.url : null];
  for (const sink of sinks) {
    if (sink.kind === 'postgres') urls.push(sink.url);
    else plain.push(sink.credentials?.accessKeyId, sink.credentials?.secretAccessKey);
  }
  const all = [...plain, ...urls.flatMap((url) => (url === null ? [] : passwordsIn(url)))];
  return all.filter((secret): secret is string => typeof secret === 'string' && secret !== '');
}

/** The token of the source. Throws ConfigError when there is none, for the commands that may go without. */
export function patOf(source: SourceConfig): string {
  if (source.pat !== null) return source.pat;
  throw new ConfigError([{path: ['source', 'pat'], origin: null, text: `expected ${PAT_EXPECTED}, found nothing`}]);
}

/** What was expected when the token is missing. */
export const PAT_EXPECTED =
  'a personal access token, here or in CLARIFAI_PAT or in the file named by CLARIFAI_PAT_FILE';

/** The password of a URL as it is written and as it is meant, and the one Postgres takes as a parameter. */
function passwordsIn(url: string): string[] {
  const parsed = new URL(url);
  return [parsed.password, decoded(parsed.password), parsed.searchParams.get('password') ?? ''];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % is no encoding: Postgres will refuse the URL, and the text as written is covered
  }
}
