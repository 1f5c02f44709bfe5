/** Secrets of a test, each with signs that have to be encoded somewhere on its way. */
export const PLANTED = {
  pat: 'planted-pat-5f0c41d2',
  database: 'planted/db+pw=71 c&d',
  replica: 'planted@replica:pw%9a',
  redis: 'planted/redis#pw?3b',
  s3Key: 'PLANTEDS3KEYID00',
  s3Secret: 'planted/s3+secret/8e',
  webhook: 'planted-webhook-place-c4',
  webhookSecret: 'planted-webhook-secret-2d',
  token: 'planted-http-token-90ab',
} as const;

/** As each of them may turn up: as it is, percent-encoded once or twice, in base64, escaped in JSON. */
const FORMS: readonly [string, string][] = Object.entries(PLANTED).flatMap(([name, secret]) =>
  [
    secret,
    encodeURIComponent(secret),
    encodeURIComponent(encodeURIComponent(secret)),
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    Buffer.from(`:${secret}`).toString('base64').replace(/=+$/, ''),
    JSON.stringify(secret).slice(1, -1),
  ].map((form): [string, string] => [name, form]),
);

/** Which of the planted secrets, or a beginning of one that cannot be chance, a text holds; with what stands around it. */
export function leaksIn(text: string): string[] {
  const found = FORMS.filter(([, form]) => text.includes(form)).map(([name, form]) => {
    const at = text.indexOf(form);
    return `${name}: ${text.slice(Math.max(0, at - 60), at + form.length + 20)}`;
  });
  const rest = /.{0,60}planted[-/@].{0,20}/i.exec(text);
  return found.length > 0 || rest === null ? found : [`a part: ${rest[0]}`];
}

/** The same way into a database, with a password that a server which trusts us does not look at. */
export function withPassword(url: string, password: string): string {
  const planted = new URL(url);
  if (planted.hostname === '') planted.searchParams.set('password', password);
  else planted.password = encodeURIComponent(password);
  return planted.href;
}
