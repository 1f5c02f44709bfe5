/** One figure of one of the cases of bench/README.md, for the table that `npm run bench` ends with. */
export interface Result {
  /** Number of the case. */
  readonly case: number;
  readonly name: string;
  /** What it is compared with. */
  readonly reference: string;
  /** Median of the rounds' ratios to the reference; for what is counted, the count itself. */
  readonly value: number;
  /** What is to be reached, if anything is. */
  readonly goal: string;
  readonly isMet: boolean | null;
}

export function atLeast(value: number, least: number): Pick<Result, 'value' | 'goal' | 'isMet'> {
  return {value, goal: `at least ${least}`, isMet: value >= least};
}

export function atMost(value: number, most: number): Pick<Result, 'value' | 'goal' | 'isMet'> {
  return {value, goal: `at most ${most}`, isMet: value <= most};
}

/** Hands results to `npm run bench`, where that is what started this process. */
export function tell(results: readonly Result[]): void {
  process.send?.(results);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[(sorted.length >> 1) - 1] ?? NaN)) / 2;
}

export function round2(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Columns as wide as they need to be; the first is text, the others stand at the right. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, c) => Math.max(...rows.map((row) => (row[c] ?? '').length)));
  for (const row of rows) {
    const cells = row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c] ?? 0) : cell.padStart(widths[c] ?? 0)));
    process.stdout.write(`${cells.join('  ')}\n`);
  }
}
