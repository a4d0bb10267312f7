/** A result as CSV (RFC 4180), and one cell as text. */
import type { SqlColumn, SqlRow } from "../api/types";

/** A value as it stands in the grid and in CSV: nothing for null, JSON for what has parts. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  return JSON.stringify(value);
}

export function toCsv(columns: readonly SqlColumn[], rows: readonly SqlRow[]): string {
  const line = (values: readonly string[]): string => values.map(quoted).join(",");
  const lines = [line(columns.map(({ name }) => name))];
  for (const row of rows) lines.push(line(columns.map(({ name }) => cellText(row[name]))));
  return `${lines.join("\r\n")}\r\n`;
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Has the browser save `text` as a file. */
export function download(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(address);
  }, 10_000);
}
