/** Which names complete the word before the caret: tables, columns, functions, and a few words of SQL. */
import type { Catalog } from "../api/types";

export interface Suggestion {
  readonly text: string;
  readonly kind: "table" | "column" | "function" | "word";
  readonly comment: string;
}

export interface Completion {
  /** The piece of text that a suggestion replaces. */
  readonly from: number;
  readonly to: number;
  readonly options: readonly Suggestion[];
}

const WORDS = (
  "SELECT FROM WHERE GROUP BY ORDER LIMIT HAVING JOIN LEFT INNER ON USING AS AND OR NOT IN BETWEEN LIKE IS NULL " +
  "DISTINCT COUNT SUM AVG MIN MAX CASE WHEN THEN ELSE END CAST DESC ASC UNION ALL WITH OVER PARTITION INTERVAL"
).split(" ");

const MOST = 12;
const RANK = { column: 0, table: 1, function: 2, word: 3 } as const;

/** Null where there is nothing to complete. */
export function complete(catalog: Catalog | null, text: string, caret: number): Completion | null {
  const typed = /[A-Za-z_][\w.]*$/.exec(text.slice(0, caret))?.[0] ?? "";
  if (typed === "" || insideText(text.slice(0, caret))) return null;
  const options = suggestions(catalog, text)
    .map((option) => ({ option, score: score(option.text, typed) }))
    .filter(({ option, score: found }) => found > 0 && option.text.toLowerCase() !== typed.toLowerCase())
    .sort((a, b) => b.score - a.score || RANK[a.option.kind] - RANK[b.option.kind] || a.option.text.localeCompare(b.option.text))
    .slice(0, MOST)
    .map(({ option }) => option);
  return options.length === 0 ? null : { from: caret - typed.length, to: caret, options };
}

/** Within quotes nothing is a name. */
function insideText(before: string): boolean {
  return (before.match(/'/g)?.length ?? 0) % 2 === 1;
}

/** 2 for a beginning, 1 for a name whose part after the dot begins so, 0 for neither. */
function score(name: string, typed: string): number {
  const [whole, wanted] = [name.toLowerCase(), typed.toLowerCase()];
  if (whole.startsWith(wanted)) return 2;
  return whole.split(".").some((part) => part.startsWith(wanted)) ? 1 : 0;
}

function suggestions(catalog: Catalog | null, text: string): Suggestion[] {
  const found = new Map<string, Suggestion>();
  const add = (suggestion: Suggestion): void => {
    const key = `${suggestion.kind} ${suggestion.text}`;
    if (!found.has(key)) found.set(key, suggestion);
  };
  const tables = catalog?.tables ?? [];
  const named = tables.filter(({ name }) => new RegExp(`(^|[^\\w.])${escaped(name)}($|[^\\w.])`, "i").test(text));
  for (const table of named.length > 0 ? named : tables) {
    for (const column of table.columns) {
      const unit = column.unit ? ` [${column.unit}]` : "";
      add({ text: column.name, kind: "column", comment: `${column.comment ?? column.type}${unit}` });
    }
  }
  for (const table of tables) add({ text: table.name, kind: "table", comment: table.comment ?? "" });
  for (const { name, comment, signature } of catalog?.functions ?? []) {
    add({ text: name, kind: "function", comment: comment ?? signature });
  }
  for (const word of WORDS) add({ text: word, kind: "word", comment: "" });
  return [...found.values()];
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
