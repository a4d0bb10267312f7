/** What the store keeps where, a line a place, as the header's chip tells it to whoever asks. */

import type { StorePlace, StoreState } from "../api/types";

function line(place: StorePlace): string {
  const count = (rows: number, what: string) => `${rows.toLocaleString("en-US")} ${what}`;
  const parts = [count(place.pending_rows, "rows wait"), count(place.commits, "commits")];
  if (place.retries > 0) parts.push(count(place.retries, "tried again"));
  return `${place.name}: ${place.reason === null ? "" : `${place.reason}; `}${parts.join(", ")}`;
}

/** The places one by one; the reason alone where none are told. */
export function places(store: StoreState): string {
  const known = store.places ?? [];
  return known.length === 0 ? (store.reason ?? "") : known.map(line).join("\n");
}
