/** An SQL identifier, quoted whatever it holds. */
export function ident(...parts: string[]): string {
  return parts.map((part) => `"${part.replaceAll('"', '""')}"`).join('.');
}

/** An SQL string literal, safe whatever it holds (also where standard_conforming_strings is off). */
export function literal(value: string): string {
  const quoted = `'${value.replaceAll("'", "''")}'`;
  return value.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}

/** Text of a Postgres array literal for text[]; much cheaper than the driver's own (facts-speed.md, section 4). */
export function arrayText(values: readonly string[]): string {
  let text = '{';
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as string;
    const plain = value.includes('\\') || value.includes('"') ? value.replace(/["\\]/g, '\\$&') : value;
    text += i === 0 ? `"${plain}"` : `,"${plain}"`;
  }
  return text + '}';
}
