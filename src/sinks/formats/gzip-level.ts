/** TODO */
export const GZIP_LEVEL = 6;
