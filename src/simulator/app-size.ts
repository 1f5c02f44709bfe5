import {z} from 'zod';

/** How much an app holds and when it was filled. */
export const appSizeSchema = z.strictObject({
  inputs: z.number().int().min(0),
  annotations: z.number().int().min(0),
  datasets: z.number().int().min(0),
  bookmarkedDatasets: z.number().int().min(0),
  versionsPerDataset: z.number().int().min(0),
  /** Share of the inputs that each dataset holds, 0 to 1. */
  datasetInputs: z.number().min(0).max(1),
  concepts: z.number().int().min(0),
  bulkOperations: z.number().int().min(0),
  /** Of each further resource, by name of its stream: how many there are, or are under each parent. */
  resources: z.record(z.string(), z.number().int().min(0)),
  /** When the first record was added, epoch ms, and over how many days the rest were. */
  startMs: z.number().int(),
  spanDays: z.number().positive(),
});

export type AppSize = z.infer<typeof appSizeSchema>;

/** An app that is read in a few requests and has a bit of everything. */
export const DEFAULT_SIZE: AppSize = {
  inputs: 1000,
  annotations: 4000,
  datasets: 5,
  bookmarkedDatasets: 2,
  versionsPerDataset: 4,
  datasetInputs: 0.2,
  concepts: 40,
  bulkOperations: 14,
  resources: {},
  startMs: Date.UTC(2024, 0, 1),
  spanDays: 180,
};
