/** Share of what the credential may send that goes to parents of which nothing tells that they have changed. */
const SWEEP_SHARE = 0.25;

/**
 * How many requests the sweep over parents may take.
 * @param requestsPerSecond of the budget, less its headroom; 0 for no limit
 * @param elapsedMs since the last time, ms
 */
export function sweepRequests(requestsPerSecond: number, elapsedMs: number): number {
  return requestsPerSecond === 0 ? Infinity : (SWEEP_SHARE * requestsPerSecond * elapsedMs) / 1000;
}
