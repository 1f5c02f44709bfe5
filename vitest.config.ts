import {defineConfig} from 'vitest/config';

/** Breaks a copy of the product again and again: minutes of work, and so only when asked for. */
const MUTATIONS = {
  test: {
    name: 'mutations',
    include: ['test/mutations/try-all.ts'],
    globalSetup: ['test/support/postgres-setup.ts'],
    testTimeout: 900_000,
    sequence: {groupOrder: 3},
  },
};

/** What starts servers and processes. */
const WITH_SERVERS = {
  // Builds dist where it is out of date, then gives all files one Postgres; order matters, teardown is reversed.
  globalSetup: ['test/support/build.ts', 'test/support/postgres-setup.ts'],
  pool: 'forks' as const,
  testTimeout: 180_000,
  hookTimeout: 180_000,
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.int.test.ts'],
          // Bounds what hangs; how long a machine that is busy takes for a thousand cases of a property is its own affair.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/**/*.int.test.ts'],
          exclude: ['test/rate/**'],
          ...WITH_SERVERS,
          maxWorkers: 2,
          // After the unit tests, so that the two do not fight for the processor.
          sequence: {groupOrder: 1},
        },
      },
      {
        test: {
          name: 'rate',
          include: ['test/rate/**/*.int.test.ts'],
          ...WITH_SERVERS,
          // Alone on the machine: what is measured is when requests arrive.
          maxWorkers: 1,
          sequence: {groupOrder: 2},
        },
      },
      ...(process.env['MUTATIONS'] === 'yes' ? [MUTATIONS] : []),
    ],
  },
});
