import type {Binaries} from './binaries.ts';
import type {Layout} from './layout.ts';
import type {ServerUser} from './server-user.ts';
import type {ServerSettings} from './settings.ts';

/** What the embedded server needs of a logger; pino's fits. */
export interface EmbeddedLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** One embedded Postgres, running or not: where it lies, what runs it, and as whom. */
export interface Place {
  readonly layout: Layout;
  readonly installed: Binaries;
  /** undefined: ourselves */
  readonly user: ServerUser | undefined;
  readonly settings: ServerSettings;
}
