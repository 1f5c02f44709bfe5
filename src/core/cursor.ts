declare const cursorTag: unique symbol;

/**
 * Opaque place from which reading of a stream by one strategy can resume. Only `source/` makes one or looks inside;
 * everybody else stores it and hands it back.
 */
export type Cursor = string & {readonly [cursorTag]: true};
