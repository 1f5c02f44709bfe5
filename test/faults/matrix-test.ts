import {afterAll, describe, test} from 'vitest';
import {ROWS, type Row} from './faults.ts';
import {promise, World} from './matrix.ts';
import type {Column} from './strategies.ts';

/** All cells of these columns. A world serves all of a column, as long as each cell leaves it even. */
export function testMatrix(columns: readonly Column[]): void {
  for (const column of columns) {
    describe(`while ${column.name}`, () => {
      let world: World | null = null;

      afterAll(async () => world?.[Symbol.asyncDispose]());

      const evenWorld = async (): Promise<World> => {
        if (world?.isEven === false) await world[Symbol.asyncDispose]();
        if (world?.isEven !== true) world = await World.make(column);
        return world;
      };
      for (const row of ROWS.filter((each) => isOf(each, column))) {
        test(`${row.name}: ${promise(row.unless?.[column.stream] ?? row.expected)}`, async () => {
          await (await evenWorld()).cell(row);
        });
      }
    });
  }
}

const isOf = ({only}: Row, {stream}: Column): boolean => only === undefined || only.includes(stream);
