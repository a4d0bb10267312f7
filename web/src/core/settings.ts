/** What a reader chose, kept in localStorage; without it (private window) only while the page is open. */

const PREFIX = "silverbullet.";
const memory = new Map<string, string>();

export function load(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name) ?? memory.get(name) ?? null;
  } catch {
    return memory.get(name) ?? null;
  }
}

export function save(name: string, value: string): void {
  memory.set(name, value);
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Full or forbidden: the copy in memory serves.
  }
}

/** A list of texts that was saved; anything else is an empty list. */
export function loadList(name: string): string[] {
  try {
    const value: unknown = JSON.parse(load(name) ?? "[]");
    return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === "string") : [];
  } catch {
    return [];
  }
}
