/** How slots are given out: one each `stepMs`, no burst. */
export interface SlotPolicy {
  /** Distance between two slots, ms. */
  readonly stepMs: number;
  /** Slots are given out at most this far ahead, ms; who comes later has to ask again. Bounds what a pause must wait for. */
  readonly aheadMs: number;
  /** A slot is at least this far in the future, ms: the time its answer needs to reach the caller. */
  readonly leadMs: number;
}

/** A slot at `atMs`, or the advice to ask again; `freeMs` is the new state to keep. */
export type SlotGrant = {readonly atMs: number; readonly freeMs: number} | {readonly retryInMs: number};

/** A slot that would be used later than this is dropped, ms. */
export const SLOT_GUARD_MS = 20;

/**
 * Distance between slots, ms, so that no sliding second ever sees more than `requestsPerSecond`.
 * A slot may be used up to 20 ms late, so n slots must span at least 1,020 ms; `headroom` is what is left free beyond
 * that for jitter on the network. Measured: facts-queue.md, section 5.
 * @param requestsPerSecond over 0
 * @param headroom share left unused, from 0 to below 1
 */
export function spacingMs(requestsPerSecond: number, headroom: number): number {
  return Math.max(1000 / (requestsPerSecond * (1 - headroom)), (1000 + SLOT_GUARD_MS) / requestsPerSecond);
}

/** One step of the generic cell rate algorithm. `freeMs` is when the next slot is free, on the clock of `nowMs`. */
export function takeSlot(freeMs: number, nowMs: number, policy: SlotPolicy): SlotGrant {
  const atMs = Math.max(freeMs, nowMs + policy.leadMs);
  const beyondMs = atMs - (nowMs + policy.aheadMs + policy.stepMs);
  if (beyondMs > 0) return {retryInMs: beyondMs};
  return {atMs, freeMs: atMs + policy.stepMs};
}
