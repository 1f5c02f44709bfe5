import {UsageError} from '../core/errors.ts';
import {annotations} from './annotations.ts';
import {apps} from './apps.ts';
import {bulkOperations} from './bulk-operations.ts';
import {concepts} from './concepts.ts';
import {datasetInputs} from './dataset-inputs.ts';
import {datasetVersions} from './dataset-versions.ts';
import {datasets} from './datasets.ts';
import {inputs} from './inputs.ts';
import type {Stream} from './stream.ts';

/** Every stream that this version can sync. Parents stand before what is read under them. */
export const CATALOGUE: readonly Stream[] = [
  apps,
  inputs,
  annotations,
  datasets,
  bulkOperations,
  datasetVersions,
  datasetInputs,
  concepts,
];

const BY_NAME = new Map(CATALOGUE.map((stream) => [stream.name, stream]));

/**
 * The stream of that name.
 * @throws UsageError that lists the names there are
 */
export function streamNamed(name: string): Stream {
  const stream = BY_NAME.get(name);
  if (stream === undefined) {
    throw new UsageError(`unknown stream "${name}": expected one of ${[...BY_NAME.keys()].join(', ')}`);
  }
  return stream;
}
