import type {ReadyTask} from '../store/tasks.ts';
import type {Closable} from './close-workers.ts';
import type {TaskWork} from './task-work.ts';

/** Where tasks that are ready are named to whoever works on them. A doubled, lost or late naming is harmless. */
export interface TaskGiver {
  /** @param giver names this process; see store/presence.ts */
  give(task: ReadyTask, giver: string): Promise<void>;
}

/** What a worker tells of its jobs. */
export interface Heard {
  readonly done: () => void;
  /** What a task itself meets never comes here: this is what nobody foresaw, or a store that is away. */
  readonly failed: (error: Error) => void;
}

/** Tasks that are given out, and workers of this process that take them. */
export interface Tasks extends TaskGiver {
  /** A worker, which does so many at once. */
  work(work: TaskWork, atOnce: number, heard: Heard): Closable;
  /** Workers must be closed first. */
  close(): Promise<void>;
}

const PRIORITY = {apply: 1, seal: 1, incremental: 2, full: 3} as const;

/** What is to be done first: a lower number comes before a higher one. What is fresh does not wait behind a sweep. */
export const priorityOf = ({kind, mode}: ReadyTask): number => PRIORITY[kind === 'crawl' ? mode : kind];
