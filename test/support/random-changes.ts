import type {Change, SimulatedStream} from '../../src/simulator/changes.ts';
import type {Simulator} from '../../src/simulator/simulator.ts';

/** Numbers from 0 to 1, 1 excluded; the same seed gives the same ones. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const PENDING_INPUT = [30001, 30003];
const PENDING_VERSION = [64005, 64010];

/** A change that somebody may make to the app as it is now; null when the one that was drawn finds nothing to change. */
export function randomChange(
  simulator: Simulator,
  random: () => number,
  kinds: readonly RandomKind[] = ORDINARY,
): Change | null {
  const kind = kinds[Math.floor(random() * kinds.length)] as RandomKind;
  return MAKERS[kind]({simulator, random});
}

export type RandomKind = keyof typeof MAKERS;

/** Kinds as often as they are to be drawn. */
export const ORDINARY: readonly RandomKind[] = [
  ...(['addInputs', 'addInputs', 'addPending', 'finishInput', 'finishInput', 'editInput', 'editInput'] as const),
  ...(['editInput', 'editAlone', 'deleteInput', 'restoreInput', 'addAnnotation', 'addAnnotation'] as const),
  ...(['editAnnotation', 'editAnnotation', 'editLate', 'deleteAnnotation', 'addDataset', 'editDataset'] as const),
  ...(['deleteDataset', 'addMember', 'removeMember', 'addVersion', 'moveVersion', 'moveVersion'] as const),
  ...(['editVersion', 'deleteVersion', 'addOperation', 'editOperation', 'deleteOperation'] as const),
  ...(['addConcept', 'editConcept', 'deleteConcept'] as const),
];

/** The same with so many more deletions, and additions to make up for them, that lists shift under every reader. */
export const SHIFTING: readonly RandomKind[] = [
  ...ORDINARY,
  ...Array.from({length: 6}, () => ['deleteAnnotation', 'addAnnotation', 'removeMember', 'addMember'] as const).flat(),
  ...Array.from({length: 3}, () => ['deleteConcept', 'addConcept', 'deleteInput', 'addInputs'] as const).flat(),
];

interface Draw {
  readonly simulator: Simulator;
  readonly random: () => number;
}

type Key = readonly string[];

const MAKERS = {
  addInputs: ({random}: Draw) => ({kind: 'addInputs', count: 1 + Math.floor(random() * 3)}),
  addPending: () => ({kind: 'addInputs', count: 1, statusCode: 30001}),
  finishInput: (draw: Draw) =>
    having(pick(draw, 'inputs', hasStatus(PENDING_INPUT)), ([id]) => ({
      kind: 'setInputStatus',
      id,
      statusCode: draw.random() < 0.8 ? 30000 : 30002,
    })),
  editInput: (draw: Draw) =>
    having(pick(draw, 'inputs', hasLevel(draw)), ([id]) => ({kind: 'editInput', id, metadata: {n: draw.random()}})),
  editAlone: (draw: Draw) =>
    having(pick(draw, 'inputs'), ([id]) => ({
      kind: 'editInput',
      id,
      metadata: {n: draw.random()},
      annotationToo: false,
    })),
  deleteInput: (draw: Draw) => having(pick(draw, 'inputs'), ([id]) => ({kind: 'deleteInputs', ids: [id]})),
  restoreInput: ({simulator, random}: Draw) => {
    const {all} = simulator.world().inputs;
    const gone = [...all.gone].map((slot) => all.idOf(slot)).filter((id) => all.find(id) === undefined);
    const id = gone[Math.floor(random() * gone.length)];
    return id === undefined ? null : {kind: 'restoreInput', id};
  },
  addAnnotation: (draw: Draw) =>
    having(pick(draw, 'inputs'), ([inputId]) => ({
      kind: 'addAnnotations',
      inputId,
      trusted: draw.random() < 0.5,
      statusCode: draw.random() < 0.7 ? 24150 : 24157,
    })),
  editAnnotation: (draw: Draw) =>
    having(pick(draw, 'annotations'), ([inputId, id]) => ({
      kind: 'editAnnotation',
      inputId,
      id,
      trusted: draw.random() < 0.5,
    })),
  /** Carries a time up to eight minutes ago, but none before that of the version that it replaces. */
  editLate: (draw: Draw) => {
    const found = records(draw, 'annotations');
    const chosen = found[Math.floor(draw.random() * found.length)];
    if (chosen === undefined) return null;
    const late = draw.simulator.clock.nowMs() - draw.random() * 480_000;
    const before = Date.parse((chosen.raw as {modified_at: string}).modified_at);
    const [inputId, id] = chosen.key as [string, string];
    return {kind: 'editAnnotation', inputId, id, modifiedAt: new Date(Math.max(late, before + 1)).toISOString()};
  },
  deleteAnnotation: (draw: Draw) =>
    having(pick(draw, 'annotations'), ([inputId, id]) => ({kind: 'deleteAnnotations', inputId, ids: [id]})),
  addDataset: (draw: Draw) =>
    having(pick(draw, 'inputs'), ([id]) => ({kind: 'addDataset', inputIds: [id], bookmarked: draw.random() < 0.2})),
  editDataset: (draw: Draw) =>
    having(pick(draw, 'datasets'), ([id]) => ({kind: 'editDataset', id, description: String(draw.random())})),
  deleteDataset: (draw: Draw) =>
    draw.simulator.world().datasets.all.order.size < 3
      ? null
      : having(pick(draw, 'datasets'), ([id]) => ({kind: 'deleteDataset', id})),
  addMember: (draw: Draw) =>
    having(pick(draw, 'datasets'), ([datasetId]) =>
      having(pick(draw, 'inputs'), ([id]) => ({kind: 'addDatasetInputs', datasetId, inputIds: [id]})),
    ),
  removeMember: (draw: Draw) =>
    having(pick(draw, 'dataset_inputs'), ([datasetId, id]) => ({
      kind: 'removeDatasetInputs',
      datasetId,
      inputIds: [id],
    })),
  addVersion: (draw: Draw) => having(pick(draw, 'datasets'), ([datasetId]) => ({kind: 'addDatasetVersion', datasetId})),
  moveVersion: (draw: Draw) =>
    having(pick(draw, 'dataset_versions', hasStatus(PENDING_VERSION)), ([datasetId, id]) => ({
      kind: 'editDatasetVersion',
      datasetId,
      id,
      statusCode: [64010, 64015, 64020][Math.floor(draw.random() * 3)] as number,
    })),
  editVersion: (draw: Draw) =>
    having(pick(draw, 'dataset_versions'), ([datasetId, id]) => ({
      kind: 'editDatasetVersion',
      datasetId,
      id,
      description: String(draw.random()),
    })),
  deleteVersion: (draw: Draw) =>
    having(pick(draw, 'dataset_versions'), ([datasetId, id]) => ({kind: 'deleteDatasetVersion', datasetId, id})),
  addOperation: (draw: Draw) =>
    having(pick(draw, 'datasets'), ([id]) => ({
      kind: 'addBulkOperation',
      operation: {add_to_dataset: {dataset_id: id}},
    })),
  editOperation: (draw: Draw) =>
    having(pick(draw, 'bulk_operations'), ([id]) => ({kind: 'editBulkOperation', id, statusCode: 25400, processed: 1})),
  deleteOperation: (draw: Draw) => having(pick(draw, 'bulk_operations'), ([id]) => ({kind: 'deleteBulkOperation', id})),
  addConcept: () => ({kind: 'addConcept'}),
  editConcept: (draw: Draw) =>
    having(pick(draw, 'concepts'), ([id]) => ({kind: 'editConcept', id, name: String(draw.random())})),
  deleteConcept: (draw: Draw) => having(pick(draw, 'concepts'), ([id]) => ({kind: 'deleteConcept', id})),
} satisfies Record<string, (draw: Draw) => Change | null>;

function records({simulator}: Draw, stream: SimulatedStream) {
  return [...simulator.truth(stream)];
}

function pick(
  draw: Draw,
  stream: SimulatedStream,
  isFit: (raw: unknown, key: Key) => boolean = () => true,
): Key | null {
  const fit = records(draw, stream).filter(({raw, key}) => isFit(raw, key));
  return fit[Math.floor(draw.random() * fit.length)]?.key ?? null;
}

const having = (key: Key | null, make: (key: [string, string]) => Change | null): Change | null =>
  key === null ? null : make(key as [string, string]);

const hasStatus =
  (codes: readonly number[]) =>
  (raw: unknown): boolean =>
    codes.includes((raw as {status: {code: number}}).status.code);

/** Has an annotation at the level of the input, which an edit moves along. */
const hasLevel =
  ({simulator}: Draw) =>
  (_: unknown, key: Key): boolean => {
    const {inputs, annotations} = simulator.world();
    const slot = inputs.all.find(key[0] as string);
    return (
      slot !== undefined &&
      annotations.ofInput(slot).some((at) => annotations.isInputLevel(at, annotations.all.states.get(at)))
    );
  };
