// What the tests of the page in a real browser share: starting programs, and the browser.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

export const BIN = process.env.SILVERBULLET_BIN;
// The browser composes the page as it does by itself where there is no graphics processor; WebGL made of software is
// allowed, for the test that asks for it.
const FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--enable-unsafe-swiftshader"];
// The program takes its own settings from such variables; those of this test, or of whoever runs it, are none.
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("SILVERBULLET_")));

/** Starts a program and waits until it has said its address, as `pattern` finds it in a line of `stream`. */
export async function startProgram(program, args, { folder, stream = "stderr", pattern }) {
  const child = spawn(program, args, { cwd: folder, stdio: ["ignore", stream === "stdout" ? "pipe" : "ignore", "pipe"], env: environment });
  const said = [];
  const url = await new Promise((resolve, reject) => {
    for (const name of new Set(["stderr", stream])) {
      createInterface({ input: child[name] }).on("line", (line) => {
        said.push(line);
        if (said.length > 200) said.shift();
        const found = name === stream && pattern.exec(line);
        if (found) resolve(found[1]);
      });
    }
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${path.basename(program)} ended with ${code}:\n${said.join("\n")}`)));
    setTimeout(() => reject(new Error(`${path.basename(program)} does not listen:\n${said.join("\n")}`)), 30_000).unref();
  });
  return { child, url };
}

/** Starts the program with these arguments of `run`, in `folder`. */
export function start(args, folder) {
  assert.ok(BIN, "SILVERBULLET_BIN names the program to test");
  return startProgram(path.resolve(BIN), ["run", ...args], { folder, pattern: /listening on (http:\/\/127\.0\.0\.1:\d+)/ });
}

function browserPath() {
  const named = process.env.SILVERBULLET_BROWSER;
  if (named) return named;
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  const programs = ["chromium", "chromium-browser", "google-chrome"].flatMap((name) => folders.map((folder) => path.join(folder, name)));
  const found = programs.find((program) => existsSync(program));
  assert.ok(found, "there is no Chromium on the path; run scripts/ensure-browser.sh, or name one by SILVERBULLET_BROWSER");
  return found;
}

export function launchBrowser() {
  return chromium.launch({ executablePath: browserPath(), args: FLAGS });
}

export async function kill(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  process.kill(child.pid, "SIGKILL");
  await ended;
}

/** Waits until the portfolio of largest Sharpe ratio has another risk than at first. */
export async function frontierMoves(page) {
  const risk = '[data-testid="marked-portfolio"][data-objective="max-sharpe"][data-method="exact"]';
  await page.waitForFunction(
    (selector) => {
      const now = document.querySelector(selector)?.dataset.risk;
      if (!now) return false;
      window.firstRisk ??= now;
      return now !== window.firstRisk;
    },
    risk,
    { timeout: 30_000 },
  );
}
