/** What is published under a key, by which points of publishers are named: the same for all streams, runs and places. */
export class KeyNames {
  readonly #streams: RegExp;

  constructor(streams: readonly string[]) {
    const longestFirst = [...streams].sort((a, b) => b.length - a.length);
    this.#streams = new RegExp(`(?<=^|[/.])(${longestFirst.join('|')})(?=$|[/.])`, 'g');
  }

  of(key: string): string {
    return key
      .replace(/(?<=(run|snapshot)=)[^/]+/, 'id')
      .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, 'id')
      .replace(/(?<=\/)\d{12}(?=\.)/, 'n')
      .replace(/\/user=.*?\/app=[^/.]+/, '/scope')
      .replace(this.#streams, 'stream');
  }
}
