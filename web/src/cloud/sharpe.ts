/** Which Sharpe ratios the ends of the colour ramp stand for; follows the population slowly. */
import type { Cloud } from "../api/ipc";

/** Every how many portfolios one is looked at. */
const STRIDE = 7;

export class SharpeScale {
  low = 0;
  high = 1;
  #known = false;

  reset(): void {
    this.#known = false;
  }

  update(cloud: Cloud, riskFree: number): void {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let index = 0; index < cloud.risk.length; index += STRIDE) {
      const ratio = ((cloud.mean[index] ?? 0) - riskFree) / (cloud.risk[index] ?? 0);
      if (!Number.isFinite(ratio)) continue;
      low = Math.min(low, ratio);
      high = Math.max(high, ratio);
    }
    if (!(low <= high)) return;
    const part = this.#known ? 0.1 : 1;
    this.#known = true;
    this.low += (low - this.low) * part;
    this.high += (high - this.high) * part;
  }
}
