/** Lines of a table for people: columns as wide as their widest cell, numbers to the right, two spaces between. */
export function tableLines(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const texts = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, i) => Math.max(...texts.map((row) => row[i]?.length ?? 0)));
  const isNumber = head.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'));
  return texts.map((row) =>
    row
      .map((text, i) => (isNumber[i] === true ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** A span of time for people. @example durationText(4000) // '1 h 6 min' */
export function durationText(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24)} days`;
}

/** Pads each of these names to the width of the longest, so that what follows them is a column. */
export function nameColumn(names: readonly string[]): (name: string) => string {
  const width = Math.max(0, ...names.map((name) => name.length));
  return (name) => name.padEnd(width);
}
