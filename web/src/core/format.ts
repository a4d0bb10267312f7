/** Numbers and times as text. What is not a finite number is an en dash. */

const NONE = "–";
const MINUS = "−";

function fixed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  // No "−0.00".
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/** 0.1234 → "12.34 %". */
export function percent(value: number | null | undefined, digits = 2): string {
  if (value == null || !Number.isFinite(value)) return NONE;
  return `${grouped(fixed(value * 100, digits))} %`;
}

/** As percent with a sign: "+1.20 %". */
export function signedPercent(value: number | null | undefined, digits = 2): string {
  const text = percent(value, digits);
  return value != null && value > 0 && Number.isFinite(value) && Number(value.toFixed(digits + 2)) !== 0
    ? `+${text}`
    : text;
}

/** Digits after the point that show `value` (a fraction) with at least three significant digits in percent. */
export function percentDigits(value: number): number {
  const size = Math.abs(value * 100);
  if (!(size > 0) || !Number.isFinite(size)) return 2;
  return Math.min(8, Math.max(0, 2 - Math.floor(Math.log10(size))));
}

/** Percent with three significant digits, whatever the size. */
export function percentSignificant(value: number | null | undefined): string {
  return value == null ? NONE : percent(value, percentDigits(value));
}

/** A ratio, e.g. a Sharpe ratio: three significant digits below 1, two decimals from there. */
export function ratio(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return NONE;
  return fixed(value, Math.abs(value) >= 1 ? 2 : 4);
}

/** A price: six significant digits, grouped; never in exponents. */
export function price(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  const digits = size > 0 ? Math.min(8, Math.max(2, 5 - Math.floor(Math.log10(size)))) : 2;
  return grouped(fixed(value, digits));
}

function grouped(text: string): string {
  const [whole = "", decimals] = text.split(".");
  const head = whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
  return decimals === undefined ? head : `${head}.${decimals}`;
}

/** A count: grouped in full below ten million, then "12.3 M". */
export function count(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return NONE;
  if (Math.abs(value) < 1e7) return grouped(fixed(value, 0));
  return Math.abs(value) < 1e9 ? `${fixed(value / 1e6, 1)} M` : `${fixed(value / 1e9, 2)} G`;
}

/** A rate a second: one decimal below 100. */
export function rate(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return NONE;
  return value < 100 ? fixed(value, 1) : count(Math.round(value));
}

const UNITS: readonly [number, string][] = [
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
  [1, "ns"],
];

/** Nanoseconds in the largest unit that leaves at least 1, three significant digits. */
export function nanoseconds(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return NONE;
  const [size, unit] = UNITS.find(([least]) => value >= least) ?? [1, "ns"];
  const scaled = value / size;
  const digits = size === 1 || scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${unit}`;
}

/** Milliseconds as an age: "0.2 s", "12 s", "3 min", "2.5 h". */
export function age(milliseconds: number | null | undefined): string {
  if (milliseconds == null || !Number.isFinite(milliseconds)) return NONE;
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  return seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** Milliseconds since 1970 as the local time of day. */
export function timeOfDay(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return NONE;
  const time = new Date(milliseconds);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

/** ISO 8601 (any number of decimals) or nanoseconds since 1970, as milliseconds since 1970. */
export function parseTime(value: string | number | null | undefined): number {
  if (value == null) return Number.NaN;
  if (typeof value === "number") return value / 1e6;
  if (/^-?\d+$/.test(value)) return Number(value) / 1e6;
  return Date.parse(value.replace(/(\.\d{3})\d+/, "$1"));
}
