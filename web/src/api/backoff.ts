/** How long to wait before the next attempt: doubling with full jitter above a floor, capped. */

const FIRST = 250;
const CAP = 5000;

/** Milliseconds before attempt `attempt` (from 0); `random` is in 0..1. */
export function delay(attempt: number, random: number): number {
  const most = Math.min(CAP, FIRST * 2 ** Math.min(attempt, 20));
  return most / 2 + (most / 2) * random;
}
