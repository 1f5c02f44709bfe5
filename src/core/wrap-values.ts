/**
 * Makes records of the plain values of a list: each becomes an object with the value under `name`.
 * @param spans bounds of the values as pairs [start, end)
 * @example wrapValues(Buffer.from('["a"]'), Int32Array.of(1, 4), 'value') // bytes '{"value":"a"}', spans [0, 13]
 */
export function wrapValues(
  bytes: Buffer,
  spans: Int32Array,
  name: string,
): {readonly bytes: Buffer; readonly spans: Int32Array} {
  const start = Buffer.from(`{${JSON.stringify(name)}:`);
  const end = Buffer.from('}');
  const parts: Buffer[] = [];
  const wrapped = new Int32Array(spans.length);
  let at = 0;
  for (let i = 0; i < spans.length; i += 2) {
    const value = bytes.subarray(spans[i], spans[i + 1]);
    parts.push(start, value, end);
    wrapped[i] = at;
    at += start.length + value.length + end.length;
    wrapped[i + 1] = at;
  }
  return {bytes: Buffer.concat(parts), spans: wrapped};
}
