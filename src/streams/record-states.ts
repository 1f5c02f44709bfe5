/** What the status codes of one kind of record mean. */
export interface RecordStates {
  /** Still changes by itself. */
  readonly pending: readonly number[];
  readonly good: readonly number[];
  readonly bad: readonly number[];
}

/**
 * Status codes by kind of record (clarifai-api.md, 5.2). By exact number and resource, never by range: those of jobs
 * (64000 to 64008) and of dataset versions (64005 to 64030) lie between each other. A state that may last (21102 untrained,
 * 21302 not evaluated) is no pending one: nothing says that it will ever end.
 */
export const RECORD_STATES = {
  input: {
    pending: [30001, 30003],
    good: [30000],
    bad: [30002, 30004, 30005, 30100, 30101, 30103, 30104, 30105, 30106],
  },
  annotation: {pending: [24151, 24157, 24159], good: [24150], bad: [24152, 24154, 24155, 24156, 24158]},
  datasetVersion: {pending: [64005, 64010], good: [64015], bad: [64020, 64025, 64030]},
  bulkOperation: {pending: [25402, 25403], good: [25400], bad: [25401, 25404, 25405, 25406]},
  job: {pending: [64000, 64001, 64008], good: [64002], bad: [64003, 64004, 64006, 64007]},
  upload: {pending: [68000], good: [68001], bad: [68002, 68003, 68004, 68005, 68006]},
  modelVersion: {pending: [21101, 21103, 21104], good: [21100], bad: [21105, 21106]},
  evaluation: {
    pending: [21301, 21303, 43100, 43101, 43106],
    good: [21300, 43102],
    bad: [21310, 21311, 21312, 21313, 21314, 21315, 21316, 21317, 43103, 43104, 43105, 43107, 43108],
  },
  task: {pending: [54001, 54006], good: [54002], bad: [54003, 54005, 54100, 54102]},
  labelOrder: {pending: [55001, 55002], good: [55003], bad: [55004]},
  appDuplication: {pending: [25202, 25203], good: [25200], bad: [25201, 25204]},
} as const satisfies Readonly<Record<string, RecordStates>>;
