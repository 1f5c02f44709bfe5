import {defineConfig} from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.int.test.ts'],
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/**/*.int.test.ts'],
          // Builds dist where it is out of date, then gives all files one Postgres; order matters, teardown is reversed.
          globalSetup: ['test/support/build.ts', 'test/support/postgres-setup.ts'],
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // After the unit tests, so that the two do not fight for the processor.
          sequence: {groupOrder: 1},
        },
      },
    ],
  },
});
