// The page in a real browser against the real program: values equal those of REST, it moves, it recovers.
//
//   SILVERBULLET_BIN=../target/release/silverbullet node --test e2e/page.test.mjs
//
// SILVERBULLET_E2E_SECONDS: how long frames and heap are watched (10; the soak form 60).
// SILVERBULLET_E2E_FRAMES: least frames a second (0: they are only told, for a machine that is busy with other
// tests; the soak form 30).
// SILVERBULLET_BROWSER: the browser (chromium, wherever it is on the path).
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { frontierMoves, kill, launchBrowser, start as startIn } from "./common.mjs";

const SECONDS = Number(process.env.SILVERBULLET_E2E_SECONDS ?? 10);
const FRAMES = Number(process.env.SILVERBULLET_E2E_FRAMES ?? 0);

let data;
let server;
let browser;
let page;
const problems = [];

const start = (address) => startIn(["--source", "simulator", "--http", address, "--data", data], data);

const root = (name) => page.evaluate((key) => document.documentElement.dataset[key] ?? "", name);

async function connection(wanted, timeout = 15_000) {
  await page.waitForFunction((state) => document.documentElement.dataset.connection === state, wanted, { timeout });
}

before(async () => {
  data = await mkdtemp(path.join(tmpdir(), "silverbullet-page-"));
  browser = await launchBrowser();
  page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: "dark" });
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (/Content.Security.Policy|was left out/.test(message.text())) problems.push(message.text());
  });
});

after(async () => {
  await browser?.close();
  if (server) await kill(server.child);
  if (data) await rm(data, { recursive: true, force: true });
});

test("the frontier moves within five seconds of the program's start", { timeout: 60_000 }, async () => {
  const began = performance.now();
  server = await start("127.0.0.1:0");
  const listens = performance.now() - began;
  await page.goto(server.url);
  await frontierMoves(page);
  const moves = performance.now() - began;
  console.log(`listens after ${listens.toFixed(0)} ms, the frontier moves after ${moves.toFixed(0)} ms`);
  assert.equal(await root("connection"), "live");
  assert.ok(moves < 5000, `the frontier moved after ${moves.toFixed(0)} ms`);
});

/**
 * Watches a pane and asks REST at the same time until both have shown the same sequence; answers with what
 * each of them said of it. Neither is stopped for it: this is how a reader would see them.
 */
async function meet(testid, rest) {
  return page.evaluate(
    async ([pane, address]) => {
      const element = document.querySelector(`[data-testid="${pane}"]`);
      const read = () => {
        const at = element.matches("[data-sequence]") ? element : element.querySelector("[data-sequence]");
        return {
          sequence: Number(at?.dataset.sequence),
          root: { ...element.dataset },
          rows: [...element.querySelectorAll("[data-asset], [data-objective]")].map((row) => ({ ...row.dataset })),
        };
      };
      const [shown, told] = [new Map(), new Map()];
      const observer = new MutationObserver(() => {
        const now = read();
        shown.set(now.sequence, now);
      });
      observer.observe(element, { subtree: true, attributes: true });
      try {
        for (const end = performance.now() + 30_000; performance.now() < end; ) {
          const answer = await (await fetch(address)).json();
          told.set(answer.sequence, answer);
          const both = [...told.keys()].find((sequence) => shown.has(sequence));
          if (both !== undefined) return { shown: shown.get(both), told: told.get(both) };
        }
      } finally {
        observer.disconnect();
      }
      throw new Error(`${pane} and ${address} never had the same sequence (${shown.size} and ${told.size} seen)`);
    },
    [testid, rest],
  );
}

function near(actual, expected, what) {
  if (expected === null || expected === undefined) return assert.equal(actual ?? "", "", what);
  const [a, b] = [Number(actual), Number(expected)];
  assert.ok(Math.abs(a - b) <= 1e-12 * Math.max(1e-12, Math.abs(b)), `${what}: ${a} on the page, ${b} by REST`);
}

test("weights now equal REST at the same sequence", async () => {
  const { shown, told } = await meet("weights", "api/v1/portfolios/latest");
  const portfolio = told.portfolios.find((p) => p.objective === shown.root.objective && p.method === shown.root.method);
  assert.ok(portfolio, "REST has the portfolio that is shown");
  for (const name of ["mean", "risk", "sharpe", "gap"]) near(shown.root[name], portfolio[name], name);
  const weights = Object.entries(portfolio.weights);
  assert.ok(weights.length > 1);
  assert.deepEqual(shown.rows.map((row) => row.asset), weights.map(([asset]) => asset));
  for (const [index, [asset, weight]] of weights.entries()) near(shown.rows[index].weight, weight, asset);
});

test("marked portfolios equal REST at the same sequence", async () => {
  const { shown, told } = await meet("cloud", "api/v1/portfolios/latest");
  const now = shown.rows.filter((row) => Number(row.sequence) === told.sequence);
  assert.ok(now.some((row) => row.method === "exact"), "the exact answers are marked");
  for (const row of now) {
    const portfolio = told.portfolios.find((p) => p.objective === row.objective && p.method === row.method);
    assert.ok(portfolio, `${row.objective} ${row.method}`);
    for (const name of ["mean", "risk", "sharpe", "gap"]) near(row[name], portfolio[name], `${row.objective} ${name}`);
  }
});

test("prices equal REST at the same sequence", async () => {
  const { shown, told } = await meet("prices", "api/v1/assets");
  assert.ok(told.assets.length > 1);
  for (const { asset, price } of told.assets) {
    near(shown.rows.find((row) => row.asset === asset)?.price, price, `price of ${asset}`);
  }
});

test("counts and latency are those of REST", async () => {
  const counts = await page.evaluate(() =>
    Object.fromEntries([...document.querySelectorAll("[data-count]")].map((cell) => [cell.dataset.count, Number(cell.dataset.value)])),
  );
  const [universe] = (await (await fetch(`${server.url}/api/v1/universes`)).json()).universes;
  for (const name of ["ticks", "publications", "bars"]) {
    // The page is at most some seconds behind what is asked later.
    assert.ok(counts[name] <= universe[name] && counts[name] > 0.5 * universe[name] - 5, `${name}: ${counts[name]} of ${universe[name]}`);
  }
  const { stages } = await (await fetch(`${server.url}/api/v1/latency?universe=${universe.universe}`)).json();
  const shown = await page.evaluate(() => [...document.querySelectorAll("[data-stage]")].map((row) => row.dataset.stage));
  assert.deepEqual(shown, stages.filter(({ count }) => count > 0).map(({ stage }) => stage));
});

test("weights through time and prices through time go on with each bar", async () => {
  // The number of bars stands still once the view is full; the newest time never does.
  const later = async (testid) => {
    const shown = () => page.evaluate((name) => ({ ...document.querySelector(`[data-testid="${name}"]`).dataset }), testid);
    const before = await shown();
    assert.ok(Number(before.bars) > 0 && Number(before.newest) > 0, `${testid} shows something`);
    await page.waitForFunction(
      ([name, newest]) => Number(document.querySelector(`[data-testid="${name}"]`).dataset.newest) >= newest + 3,
      [testid, Number(before.newest)], { timeout: 15_000 },
    );
    const bars = Number((await shown()).bars);
    // Bars of a second: three seconds later there are at least two more, unless the view was full.
    assert.ok(bars >= Math.min(600, Number(before.bars) + 2), `${testid}: ${before.bars} bars, then ${bars}`);
  };
  await Promise.all([later("weights-history"), later("prices")]);
});

test("SQL answers, and says what is wrong with garbage and with writing", async () => {
  const ask = async (query) => {
    await page.fill('[data-testid="sql-text"]', query);
    await page.click('[data-testid="sql-run"]');
    await page.waitForFunction(() => document.querySelector('[data-testid="sql"]').getAttribute("aria-busy") === null, null, { timeout: 20_000 });
    return page.evaluate(() => ({
      error: document.querySelector('[data-testid="sql-error"]').hidden ? "" : document.querySelector('[data-testid="sql-error"]').textContent,
      rows: Number(document.querySelector('[data-testid="sql-status"]').dataset.rows),
      cells: document.querySelectorAll('[data-testid="sql"] [role="cell"]').length,
    }));
  };
  const good = await ask("select 1 as one");
  assert.deepEqual([good.error, good.rows, good.cells], ["", 1, 1]);
  const garbage = await ask("garbage in");
  assert.ok(garbage.error.length > 10, "the syntax error is told");
  const drop = await ask("drop table portfolios");
  assert.match(drop.error, /read.?only/i);
  assert.equal(drop.cells, 0, "no old result beside an error");
  const again = await ask("select 2 as two");
  assert.equal(again.error, "");
});

/** Pixels of the cloud that are neither grey nor the ground: nearly all of them belong to the population. */
async function coloured(shown) {
  return shown.evaluate(() => {
    const canvas = document.querySelector(".cloud-canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
      const [red, green, blue] = [data[at], data[at + 1], data[at + 2]];
      if (Math.max(red, green, blue) - Math.min(red, green, blue) > 40) count += 1;
    }
    return count;
  });
}

test("the population is drawn by WebGL as it is by the processor", async () => {
  const counts = {};
  for (const way of ["processor", "webgl"]) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "dark" });
    await context.addInitScript((name) => window.localStorage.setItem("silverbullet.points", name), way);
    const other = await context.newPage();
    await other.goto(server.url);
    await other.waitForFunction(() => Number(document.documentElement.dataset.frames) > 30, null, { timeout: 20_000 });
    assert.equal(await other.evaluate(() => document.querySelector('[data-testid="cloud"]').dataset.drawn), way);
    counts[way] = await coloured(other);
    await context.close();
  }
  console.log(`coloured pixels: ${counts.processor} by the processor, ${counts.webgl} by WebGL`);
  assert.ok(counts.processor > 5000, "ten thousand portfolios colour thousands of pixels");
  assert.ok(counts.webgl > 0.6 * counts.processor && counts.webgl < 1.6 * counts.processor, "both ways draw about the same");
});

test("dark and light differ, and both follow the toggle", async () => {
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  assert.equal(await root("theme"), "dark");
  const dark = await ground();
  await page.keyboard.press("Escape");
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press("t");
  assert.equal(await root("theme"), "light");
  assert.notEqual(await ground(), dark);
  await page.keyboard.press("t");
  assert.equal(await ground(), dark);
});

test(`it is drawn all the time for ${SECONDS} s, and the heap stays flat`, { timeout: SECONDS * 1000 + 60_000 }, async () => {
  const session = await page.context().newCDPSession(page);
  // The least of several looks: each also sees what is just being worked on, e.g. messages under way.
  const heap = async () => {
    const sizes = [];
    for (let look = 0; look < 8; look += 1) {
      await session.send("HeapProfiler.collectGarbage");
      sizes.push((await session.send("Runtime.getHeapUsage")).usedSize);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    return Math.min(...sizes);
  };
  await page.evaluate(() => window.scrollTo(0, 0));
  const heapBefore = await heap();
  const frames = () => page.evaluate(() => [Number(document.documentElement.dataset.frames), performance.now()]);
  const [first, from] = await frames();
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  const [last, to] = await frames();
  const heapAfter = await heap();
  const rate = ((last - first) * 1000) / (to - from);
  console.log(`${rate.toFixed(1)} frames/s, heap ${(heapBefore / 1e6).toFixed(2)} to ${(heapAfter / 1e6).toFixed(2)} MB`);
  assert.ok(last > first && rate >= FRAMES, `${rate.toFixed(1)} frames a second`);
  assert.ok(heapAfter < 1.1 * heapBefore, `the heap grew from ${heapBefore} to ${heapAfter}`);
});

test("a killed server is said to be lost, and the page recovers by itself when it is back", { timeout: 90_000 }, async () => {
  const address = new URL(server.url).host;
  await kill(server.child);
  await connection("lost");
  const alarm = page.locator('[data-testid="alarm"]');
  await alarm.waitFor({ state: "visible", timeout: 5000 });
  assert.match(await alarm.textContent(), /lost.*\d\d:\d\d:\d\d/i);
  server = await start(address);
  await connection("live", 30_000);
  const sequence = await root("sequence");
  await page.waitForFunction((before) => document.documentElement.dataset.sequence !== before, sequence, { timeout: 20_000 });
  await alarm.waitFor({ state: "hidden", timeout: 10_000 });
});

test("nothing went wrong on the page meanwhile", () => {
  assert.deepEqual(problems, []);
});
