const UNIT_BYTES = {
  b: 1,
  kb: 1_000,
  mb: 1_000_000,
  gb: 1_000_000_000,
  kib: 1_024,
  mib: 1_048_576,
  gib: 1_073_741_824,
} as const;

type Unit = keyof typeof UNIT_BYTES;

/** How a size is written: a number and its unit, in any case; without a unit it is bytes. */
export const BYTES_PATTERN = /^(\d{1,15}(?:\.\d{1,9})?) ?([kKmMgG]i?[bB]|[bB])?$/;

/**
 * Bytes of a size, whole and 0 or more; undefined when it cannot be read or is too large to count exactly. Never
 * throws. KiB, MiB and GiB are powers of 1,024, KB, MB and GB of 1,000 (IEC 80000-13).
 * @example parseBytes('8MiB') // 8_388_608
 */
export function parseBytes(text: string): number | undefined {
  const match = BYTES_PATTERN.exec(text);
  if (match === null) return undefined;
  const bytes = Math.round(Number(match[1]) * UNIT_BYTES[(match[2] ?? 'b').toLowerCase() as Unit]);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
