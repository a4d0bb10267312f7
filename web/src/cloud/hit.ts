/** What lies under the pointer: a mark first, else the nearest portfolio of the population. */
import type { Cloud } from "../api/ipc";
import type { Mark } from "./marks";
import { x, y, type View } from "./view";

export interface Hit {
  readonly mark: Mark | null;
  readonly risk: number;
  readonly mean: number;
}

const MARK_REACH = 14;
const POINT_REACH = 8;

export function hit(view: View, marks: readonly Mark[], cloud: Cloud | null, px: number, py: number): Hit | null {
  let best: Hit | null = null;
  let least = MARK_REACH ** 2;
  for (const mark of marks) {
    // A portfolio wins over an asset at the same place.
    const distance = (x(view, mark.risk) - px) ** 2 + (y(view, mark.mean) - py) ** 2;
    if (distance > least) continue;
    least = distance;
    best = { mark, risk: mark.risk, mean: mark.mean };
  }
  if (best !== null || cloud === null) return best;
  least = POINT_REACH ** 2;
  for (let index = 0; index < cloud.risk.length; index += 1) {
    const [risk, mean] = [cloud.risk[index] ?? Number.NaN, cloud.mean[index] ?? Number.NaN];
    const distance = (x(view, risk) - px) ** 2 + (y(view, mean) - py) ** 2;
    if (!(distance <= least)) continue;
    least = distance;
    best = { mark: null, risk, mean };
  }
  return best;
}
