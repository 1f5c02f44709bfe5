/**
 * For annotations of 580 bytes and of 11 KB, in both formats: files 1 % larger than level 6 makes them, for 10 to 20 %
 * less of the processor; level 3 would make them 4 to 7 % larger, level 1 6 to 10 % (bench/formats.ts).
 */
export const GZIP_LEVEL = 5;
