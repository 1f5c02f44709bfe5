/** Fields whose value is never written, whatever it is; the name may be the last word of a longer one. */
const SECRET_FIELD =
  /(?:^|_)(?:authorization|pat|password|passwd|pwd|token|secret|cookie|set_cookie|api_key|apikey|access_key_id|secret_access_key|credential|credentials)$/;

/** Fields that hold what the source sent, which is not ours to write down. */
const BODY_FIELD = /^(?:raw|body|record)$/;

/** User and password of a URL in any text. */
const URL_CREDENTIALS = /([a-z][a-z0-9+.-]*:\/\/)[^\s/"'@]*:[^\s/"']*@/gi;

/** The credential of an Authorization header in any text. */
const HEADER_CREDENTIALS = /(authorization["']?\s*[:=]\s*["']?(?:(?:key|bearer|basic)\s+)?)[^\s"',}]+/gi;

/** Shorter ones would turn up in ordinary words; they are still kept out by field name and in URLs. */
const MIN_SECRET_LENGTH = 4;

const HIDDEN = '***';

/** Takes secrets out of what is about to be written: by field name, by form, and by value once a value is known. */
export class Scrubber {
  #secrets: readonly string[] = [];

  /** From now on these values are replaced wherever they are, also when percent-encoded. */
  add(secrets: readonly string[]): void {
    // A lone surrogate has no percent-encoding.
    const forms = secrets.flatMap((secret) =>
      /\p{Cs}/u.test(secret) ? [secret] : [secret, encodeURIComponent(secret)],
    );
    const long = [...this.#secrets, ...forms].filter((form) => form.length >= MIN_SECRET_LENGTH);
    // Longest first: one that holds another is replaced as a whole, and no rest of it stays.
    this.#secrets = [...new Set(long)].sort((a, b) => b.length - a.length);
  }

  /** A text without secrets. */
  text(text: string): string {
    let clean = text.replace(URL_CREDENTIALS, `$1${HIDDEN}@`).replace(HEADER_CREDENTIALS, `$1${HIDDEN}`);
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, HIDDEN);
    return clean;
  }

  /** A copy without secrets of anything JSON can hold, to any depth. */
  value(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((element) => this.value(element));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [this.text(name), this.#member(name, member)]),
    );
  }

  #member(name: string, member: unknown): unknown {
    if (member === null) return null;
    const words = name
      .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
      .replace(/[-. ]/g, '_')
      .toLowerCase();
    if (SECRET_FIELD.test(words)) return HIDDEN;
    return BODY_FIELD.test(words) ? '(left out)' : this.value(member);
  }
}
