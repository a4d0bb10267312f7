/** Dark or light: the system's wish until the reader chooses; and the colours that canvases need. */
import { assetColour, css } from "./colour";
import { load, save } from "./settings";

export interface CanvasColours {
  readonly text: string;
  readonly dim: string;
  readonly grid: string;
  readonly surface: string;
  readonly frontier: string;
  readonly exact: string;
  readonly monteCarlo: string;
  readonly first: string;
  readonly second: string;
}

const DARK: CanvasColours = {
  text: "#dbe2ea",
  dim: "#8b98a8",
  grid: "#1d2530",
  surface: "#11161d",
  frontier: "#e9eef5",
  exact: "#f4c95d",
  monteCarlo: "#8fb8ff",
  first: "#7fb0ff",
  second: "#5fcf9e",
};
const LIGHT: CanvasColours = {
  text: "#1b222b",
  dim: "#5b6673",
  grid: "#e9ecf0",
  surface: "#ffffff",
  frontier: "#1b222b",
  exact: "#b26a00",
  monteCarlo: "#1f5fbf",
  first: "#1f5fbf",
  second: "#148056",
};

const system = matchMedia("(prefers-color-scheme: dark)");
const listeners: (() => void)[] = [];

export function isDark(): boolean {
  const chosen = load("theme");
  return chosen === null ? system.matches : chosen === "dark";
}

export function colours(): CanvasColours {
  return isDark() ? DARK : LIGHT;
}

export function assetCss(index: number, alpha = 1): string {
  return css(assetColour(index, isDark()), alpha);
}

export function onTheme(listener: () => void): void {
  listeners.push(listener);
}

export function toggleTheme(): void {
  save("theme", isDark() ? "light" : "dark");
  apply();
}

export function apply(): void {
  document.documentElement.dataset["theme"] = isDark() ? "dark" : "light";
  for (const listener of listeners) listener();
}

system.addEventListener("change", apply);

const motion = matchMedia("(prefers-reduced-motion: reduce)");

export function reducedMotion(): boolean {
  return motion.matches;
}
