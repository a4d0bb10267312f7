/** When prices are too old to be called live. */

const LEAST_MS = 5000;
const BARS = 3;

/** Milliseconds without input after which data is stale: three bars, at least five seconds. */
export function staleAfter(intervalNs: number): number {
  return Math.max(LEAST_MS, (BARS * intervalNs) / 1e6);
}
