import type {Progress} from '../jobs/deps.ts';
import type {RequestReport, RetryReport, SourceObserver} from '../source/observer.ts';
import type {Surroundings} from './context.ts';
import {nameColumn} from './table-text.ts';

/** Shows how a sync is getting on, and closes down again. */
export interface ProgressView extends SourceObserver {
  readonly onProgress: (progress: Progress) => void;
  /** May be repeated. */
  close(): Promise<void>;
}

interface Line {
  pages: number;
  records: number;
  changed: number;
  startedMs: number;
  outcome: string | null;
}

const REDRAW_MS = 200;
/** On what is no terminal a stream is told of this often while it is read. */
const TELL_EVERY_MS = 10_000;
/** A wait for the budget that is worth telling, ms. */
const WORTH_TELLING_MS = 20;

/** On a terminal a table that is drawn anew; elsewhere a line now and then, by the logger. */
export function openProgress(surroundings: Surroundings): ProgressView {
  return surroundings.isTerminal ? new TerminalView(surroundings) : new LineView(surroundings);
}

abstract class View implements ProgressView {
  protected readonly lines = new Map<string, Line>();
  protected waitsFor = '';
  protected readonly surroundings: Surroundings;

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings;
  }

  readonly onProgress = (progress: Progress): void => {
    const line = this.lineOf(progress.stream);
    if (progress.kind === 'ended') line.outcome = progress.outcome;
    else {
      line.pages += progress.pages;
      line.records += progress.read;
      line.changed += progress.changed;
    }
    this.moved(progress.stream, line, progress.kind);
  };

  requested(report: RequestReport): void {
    this.waitsFor = report.slotWaitMs > WORTH_TELLING_MS ? 'the request budget' : 'the API';
  }

  retrying({error, waitMs}: RetryReport): void {
    this.waitsFor = `${(waitMs / 1000).toFixed(1)} s before trying again: ${error.message}`;
  }

  abstract close(): Promise<void>;
  protected abstract moved(stream: string, line: Line, kind: Progress['kind']): void;

  protected rate(line: Line): number {
    const seconds = (this.surroundings.now() - line.startedMs) / 1000;
    return seconds > 0 ? Math.round(line.records / seconds) : 0;
  }

  private lineOf(stream: string): Line {
    let line = this.lines.get(stream);
    if (line === undefined) {
      line = {pages: 0, records: 0, changed: 0, startedMs: this.surroundings.now(), outcome: null};
      this.lines.set(stream, line);
    }
    return line;
  }
}

class TerminalView extends View {
  #drawn = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(surroundings: Surroundings) {
    super(surroundings);
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    this.#timer.unref();
  }

  protected moved(): void {}

  close(): Promise<void> {
    clearInterval(this.#timer);
    this.waitsFor = '';
    this.#draw();
    this.lines.clear();
    this.#drawn = 0;
    return Promise.resolve();
  }

  #draw(): void {
    const column = nameColumn([...this.lines.keys()]);
    const rows = [...this.lines].map(([stream, line]) => {
      const counts = `${line.pages} pages, ${line.records} records, ${line.changed} changed`;
      return `  ${column(stream)} ${counts}${line.outcome === null ? `, ${this.rate(line)}/s` : `: ${line.outcome}`}`;
    });
    if (rows.length > 0 && this.waitsFor !== '') rows.push(`  waiting for ${this.waitsFor}`.slice(0, 118));
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A\u001b[J` : '';
    if (rows.length > 0) this.surroundings.err(`${up}${rows.join('\n')}\n`);
    this.#drawn = rows.length;
  }
}

class LineView extends View {
  readonly #toldMs = new Map<string, number>();

  close(): Promise<void> {
    return Promise.resolve();
  }

  protected moved(stream: string, line: Line, kind: Progress['kind']): void {
    const {logger, now} = this.surroundings;
    const {pages, records, changed, outcome} = line;
    if (kind === 'ended') {
      logger.log.info({stream, pages, records, changed, outcome}, 'stream ended');
      return;
    }
    if (now() - (this.#toldMs.get(stream) ?? line.startedMs) < TELL_EVERY_MS) return;
    this.#toldMs.set(stream, now());
    logger.log.info(
      {stream, pages, records, changed, rate: this.rate(line), waits_for: this.waitsFor},
      'stream went on',
    );
  }
}
