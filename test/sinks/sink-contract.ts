import {describe, expect, test} from 'vitest';
import {SinkAheadError, SinkOwnedError} from '../../src/sinks/errors.ts';
import type {ApplyOrder, Sink} from '../../src/sinks/sink.ts';
import {ScriptedMirror, STREAMS, type StreamName} from '../support/scripted-mirror.ts';

/** An empty place for a sink, and what is in it. */
export interface ScratchSink extends AsyncDisposable {
  /** A publisher of its own to this place; any number may be open. The scratch closes it. */
  open(): Sink;
  /** `n` of the rows that count, by id. */
  current(stream: StreamName): Promise<Record<string, string>>;
  /** The same by another way that a reader may go while nothing was made anew; null when there is only one. */
  fromTheStart(stream: StreamName): Promise<Record<string, string> | null>;
  /** What should not be there; see `Lake.faults`. */
  faults(): Promise<string[]>;
  /** Changes whenever anything in the place does. */
  state(): Promise<string>;
}

class Killed extends Error {}

const FIRST = {'inputs/a': 1, 'inputs/b': 2, 'inputs/c': 3, 'inputs/d': 4, 'inputs/e': 5, 'annotations/x': 1};
const SECOND = {'inputs/b': 20, 'inputs/f': 6, 'annotations/y': 2};
const DELETION = {'inputs/a': null, 'annotations/x': null};

/** What every sink must do. */
export function sinkContract(name: string, openScratch: () => Promise<ScratchSink>): void {
  const scenario = (sentence: string, body: (scratch: ScratchSink) => Promise<void>): void =>
    test(sentence, async () => {
      await using scratch = await openScratch();
      await body(scratch);
    });

  describe(name, () => {
    scenario('is equal to the mirror after first, incremental, deleting and returning runs', async (scratch) => {
      const mirror = new ScriptedMirror();
      const sink = scratch.open();
      for (const changes of [FIRST, SECOND, DELETION, {'inputs/a': 7, 'annotations/x': 8}]) {
        mirror.run(changes);
        await mirror.apply(sink);
        await expectEqual(scratch, mirror, 'from the start too');
      }
    });

    scenario('is told the same thing twice without harm', async (scratch) => {
      const mirror = new ScriptedMirror();
      for (const changes of [FIRST, SECOND]) {
        mirror.run(changes);
        await mirror.apply(scratch.open());
        const state = await scratch.state();
        await mirror.apply(scratch.open());
        expect(await scratch.state()).toBe(state);
      }
      await expectEqual(scratch, mirror, 'from the start too');
    });

    scenario('is not touched by a run without changes', async (scratch) => {
      const mirror = new ScriptedMirror();
      mirror.run(FIRST);
      await mirror.apply(scratch.open());
      const state = await scratch.state();
      mirror.run({});
      expect((await mirror.apply(scratch.open())).rows).toBe(0);
      expect(await scratch.state()).toBe(state);
    });

    scenario('ends the same after a publisher that died at any moment, and shows nothing of it', async (scratch) => {
      const mirror = new ScriptedMirror();
      for (const changes of [FIRST, {...SECOND, ...DELETION}]) {
        mirror.run(changes);
        let deaths = 0;
        for (let at = 1; ; at++) {
          const isDone = await mirror.apply(scratch.open(), dyingAt(mirror, at)).then(
            () => true,
            (error: unknown) => {
              if (!(error instanceof Killed)) throw error;
              return false;
            },
          );
          if (isDone) break;
          deaths++;
        }
        expect(deaths).toBeGreaterThan(3);
        await expectEqual(scratch, mirror, 'from the start too');
      }
    });

    scenario('makes up in the next run for one whose publisher died', async (scratch) => {
      const mirror = new ScriptedMirror();
      for (let at = 1; at <= 12; at++) {
        mirror.run({'inputs/a': at, [`inputs/new${at}`]: at, [`annotations/new${at}`]: at});
        await mirror.apply(scratch.open(), dyingAt(mirror, at)).catch((error: unknown) => {
          if (!(error instanceof Killed)) throw error;
        });
        if (at % 3 !== 0) continue;
        mirror.run({[`inputs/new${at}`]: null, 'annotations/x': at});
        await mirror.apply(scratch.open());
        await expectEqual(scratch, mirror, 'from the start too');
      }
    });

    scenario('catches up in one order after runs that it missed', async (scratch) => {
      const mirror = new ScriptedMirror();
      mirror.run(FIRST);
      await mirror.apply(scratch.open());
      mirror.run(SECOND);
      mirror.run({'inputs/z': 1, 'inputs/c': null});
      mirror.run({'inputs/z': null, 'inputs/c': 30, 'inputs/d': null});
      expect((await mirror.apply(scratch.open())).previousSequence).toBe(1);
      await expectEqual(scratch, mirror, 'from the start too');
    });

    scenario('is filled when it is added later', async (scratch) => {
      const mirror = new ScriptedMirror();
      for (const changes of [FIRST, SECOND, DELETION]) mirror.run(changes);
      await mirror.apply(scratch.open());
      await expectEqual(scratch, mirror, 'from the start too');
    });

    scenario('refuses another store, and is left as it is', async (scratch) => {
      const [mirror, other] = [new ScriptedMirror(), new ScriptedMirror()];
      mirror.run(FIRST);
      await mirror.apply(scratch.open());
      const state = await scratch.state();
      for (const changes of [SECOND, {}]) other.run(changes);
      await expect(other.apply(scratch.open())).rejects.toThrow(SinkOwnedError);
      await expect(other.apply(scratch.open())).rejects.toThrow(/--take-over/);
      expect(await scratch.state()).toBe(state);
    });

    scenario('holds what the store that takes it over has, and nothing else', async (scratch) => {
      const [mirror, other] = [new ScriptedMirror(), new ScriptedMirror()];
      mirror.run(FIRST);
      await mirror.apply(scratch.open());
      other.run({'inputs/b': 9, 'inputs/q': 1});
      other.run({'inputs/r': 2});
      await other.apply(scratch.open(), {takeOver: true});
      await expectEqual(scratch, other);
      other.run({'inputs/r': null, 'annotations/s': 3});
      await other.apply(scratch.open());
      await expectEqual(scratch, other);
      await expect(mirror.apply(scratch.open())).rejects.toThrow(SinkOwnedError);
    });

    scenario('holds what the store that takes it over has, at the latest after its next run', async (scratch) => {
      const [mirror, other] = [new ScriptedMirror(), new ScriptedMirror()];
      for (const changes of [FIRST, SECOND, DELETION]) {
        mirror.run(changes);
        await mirror.apply(scratch.open());
      }
      other.run({'inputs/b': 9, 'inputs/q': 1});
      await other.apply(scratch.open(), {takeOver: true}).catch((error: unknown) => {
        if (!(error instanceof SinkAheadError)) throw error;
      });
      other.run({'inputs/r': 2});
      await other.apply(scratch.open());
      await expectEqual(scratch, other);
    });

    test.each([1, 2])('lets a publisher change nothing once another store has taken over (at %i)', async (at) => {
      await using scratch = await openScratch();
      const [mirror, other] = [new ScriptedMirror(), new ScriptedMirror()];
      mirror.run(FIRST);
      await mirror.apply(scratch.open());
      for (const changes of [SECOND, {}, {}, {}]) mirror.run(changes);
      for (const changes of [{'inputs/q': 1}, {'annotations/r': 1}]) other.run(changes);
      let calls = 0;
      // Its own ledger knows of nothing: its guard always holds.
      const guard = async (): Promise<void> => {
        if (++calls === at) await other.apply(scratch.open(), {takeOver: true});
      };
      const came: unknown = await mirror.apply(scratch.open(), {guard}).catch((error: unknown) => error);
      expect(came).toBeInstanceOf(SinkOwnedError);
      await expectEqual(scratch, other);
    });

    scenario('refuses an order that is older than what it holds, and is left as it is', async (scratch) => {
      const mirror = new ScriptedMirror();
      mirror.run(FIRST);
      const backup = mirror.backup();
      for (const changes of [SECOND, DELETION]) {
        mirror.run(changes);
        await mirror.apply(scratch.open());
      }
      const state = await scratch.state();
      const refused: unknown = await backup.apply(scratch.open()).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(SinkAheadError);
      expect((refused as SinkAheadError).newest).toBe(3);
      expect(await scratch.state()).toBe(state);
    });

    scenario('is made anew by the run that follows when its store was restored from a backup', async (scratch) => {
      const mirror = new ScriptedMirror();
      mirror.run(FIRST);
      const backup = mirror.backup();
      for (const changes of [SECOND, DELETION]) {
        mirror.run(changes);
        await mirror.apply(scratch.open());
      }
      await expect(backup.apply(scratch.open())).rejects.toThrow(SinkAheadError);
      backup.run({'inputs/w': 5});
      await backup.apply(scratch.open());
      await expectEqual(scratch, backup);
      backup.run({'inputs/w': 6, 'inputs/a': null});
      await backup.apply(scratch.open());
      await expectEqual(scratch, backup);
    });

    scenario('is made anew when its restored store has given its numbers to other runs since', async (scratch) => {
      const mirror = new ScriptedMirror();
      mirror.run(FIRST);
      const backup = mirror.backup();
      for (const changes of [SECOND, DELETION]) {
        mirror.run(changes);
        await mirror.apply(scratch.open());
      }
      for (const changes of [{'inputs/w': 5}, {'inputs/v': 6}, {'inputs/u': 7}, {'inputs/e': null}])
        backup.run(changes);
      await backup.apply(scratch.open());
      await expectEqual(scratch, backup);
    });

    scenario('is equal to the mirror when a publisher is overtaken at any moment', async (scratch) => {
      const mirror = new ScriptedMirror();
      mirror.run(FIRST);
      for (let at = 1; at <= 8; at++) {
        let calls = 0;
        const overtaken = mirror.apply(scratch.open(), {
          guard: async () => {
            if (++calls < at) return;
            // The task is another's by now, who does it.
            if (calls === at) await mirror.apply(scratch.open());
            throw new Killed();
          },
        });
        await overtaken.catch((error: unknown) => {
          if (!(error instanceof Killed)) throw error;
        });
        await expectEqual(scratch, mirror, 'from the start too');
        mirror.run({...SECOND, ...DELETION, [`inputs/at${at}`]: at});
      }
    });

    scenario('is not gone on with once its order was given up', async (scratch) => {
      const mirror = new ScriptedMirror();
      mirror.run(FIRST);
      const giveUp = new AbortController();
      const order = mirror.order();
      const changed: Partial<ApplyOrder> = {
        changes: (stream, after) => aborting(order.changes(stream, after), giveUp),
        rows: (stream, after) => aborting(order.rows(stream, after), giveUp),
      };
      await expect(mirror.apply(scratch.open(), changed, giveUp.signal)).rejects.toThrow();
      for (const stream of STREAMS) expect(await scratch.current(stream)).toEqual({});
      await mirror.apply(scratch.open());
      await expectEqual(scratch, mirror, 'from the start too');
    });
  });
}

async function expectEqual(scratch: ScratchSink, mirror: ScriptedMirror, way?: 'from the start too'): Promise<void> {
  for (const stream of STREAMS) {
    expect(await scratch.current(stream), stream).toEqual(mirror.current(stream));
    const other = way === undefined ? null : await scratch.fromTheStart(stream);
    if (other !== null) expect(other, `${stream} from the start`).toEqual(mirror.current(stream));
  }
  expect(await scratch.faults()).toEqual([]);
}

/** An order whose publisher dies at its n-th sign of life: a portion of rows, or the guard before something shows. */
function dyingAt(mirror: ScriptedMirror, at: number): Partial<ApplyOrder> {
  let signs = 0;
  const sign = (): void => {
    if (++signs >= at) throw new Killed();
  };
  const order = mirror.order();
  const feed = async function* (rows: ReturnType<ApplyOrder['changes']>): ReturnType<ApplyOrder['changes']> {
    for await (const portion of rows) {
      sign();
      yield portion;
    }
  };
  return {
    guard: () => Promise.resolve().then(sign),
    changes: (stream, after) => feed(order.changes(stream, after)),
    rows: (stream, after) => feed(order.rows(stream, after)),
    current: (stream) => feed(order.current(stream)),
  };
}

async function* aborting<Portion>(rows: AsyncIterable<Portion>, giveUp: AbortController): AsyncGenerator<Portion> {
  for await (const portion of rows) {
    giveUp.abort(new Error('given up'));
    yield portion;
  }
}
