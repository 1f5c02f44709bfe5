import {expect, test} from 'vitest';
import {nameColumn} from '../../src/cli/table-text.ts';

test('what follows a name stands in one column, however long the names are', () => {
  const column = nameColumn(['inputs', 'dataset_version_metrics_groups']);
  expect([column('inputs').length, column('dataset_version_metrics_groups').length]).toEqual([30, 30]);
  expect(nameColumn([])('x')).toBe('x');
});
