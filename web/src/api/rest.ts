/** Requests to the server this page came from. An error carries what the problem details (RFC 9457) say. */
import type { AssetInfo, BarRow, Catalog, EventInfo, SqlAnswer, UniverseInfo } from "./types";

/** A request that was answered with an error. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

const TIMEOUT = 35_000;

async function request(path: string, init: RequestInit = {}): Promise<unknown> {
  const signals = [AbortSignal.timeout(TIMEOUT), ...(init.signal ? [init.signal] : [])];
  const headers = { Accept: "application/json", ...(init.headers as Record<string, string> | undefined) };
  const answer = await fetch(new URL(path, document.baseURI), {
    ...init,
    headers,
    signal: AbortSignal.any(signals),
    cache: "no-store",
  });
  const text = await answer.text();
  if (!answer.ok) throw new ApiError(answer.status, problemText(text, `${answer.status} ${answer.statusText}`));
  return JSON.parse(text) as unknown;
}

/** The detail (or at least the title) of problem details; else what is known otherwise. */
export function problemText(body: string, otherwise: string): string {
  try {
    const problem = JSON.parse(body) as { detail?: unknown; title?: unknown } | null;
    for (const text of [problem?.detail, problem?.title]) {
      if (typeof text === "string" && text !== "") return text;
    }
  } catch {
    if (body !== "" && body.length < 500 && !body.startsWith("<")) return body;
  }
  return otherwise;
}

function of(path: string, universe: string, more: Record<string, string> = {}): string {
  return `api/v1/${path}?${new URLSearchParams({ universe, ...more }).toString()}`;
}

export async function universes(signal?: AbortSignal): Promise<readonly UniverseInfo[]> {
  const answer = (await request("api/v1/universes", signal ? { signal } : {})) as { universes: UniverseInfo[] };
  return answer.universes;
}

export async function assets(universe: string): Promise<readonly AssetInfo[]> {
  return ((await request(of("assets", universe))) as { assets: AssetInfo[] }).assets;
}

export async function bars(universe: string, limit: number): Promise<readonly BarRow[]> {
  return ((await request(of("bars", universe, { limit: String(limit) }))) as { bars: BarRow[] }).bars;
}

export async function events(universe: string): Promise<readonly EventInfo[]> {
  return ((await request(of("events", universe))) as { events: EventInfo[] }).events;
}

export async function catalog(): Promise<Catalog> {
  return (await request("api/v1/catalog")) as Catalog;
}

export async function sql(query: string, limit: number, signal?: AbortSignal): Promise<SqlAnswer> {
  return (await request("api/v1/sql", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query, limit }),
    ...(signal ? { signal } : {}),
  })) as SqlAnswer;
}

/** A text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
