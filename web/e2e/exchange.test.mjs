// The page in a real browser while the program runs on an exchange: each venue's protocol over real TLS WebSockets, from the
// program that plays an exchange. Where the shared recording of Binance is, its prices are played; else prices are made up.
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { BIN, frontierMoves, kill, launchBrowser, start, startProgram } from "./common.mjs";

const VENUES = ["binance", "binance-us", "coinbase", "coinbase-advanced", "kraken", "okx", "bybit"];
const SHARED = fileURLToPath(new URL("../../../shared/data/websocket/binance-spot-2024/", import.meta.url));
const RECORDINGS = ["spot_btcusdt_20240808.raw.gz", "spot_ethusdt_20240808.raw.gz"].map((name) => path.join(SHARED, name));

let browser;
let folder;
const running = [];

before(async () => {
  browser = await launchBrowser();
  folder = await mkdtemp(path.join(tmpdir(), "silverbullet-exchange-"));
});

after(async () => {
  for (const child of running) await kill(child);
  await browser?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function play(venue) {
  const recorded = RECORDINGS.every((file) => existsSync(file));
  if (!recorded) console.log("skipped: the shared recording is not there; prices are made up");
  const prices = recorded ? RECORDINGS.flatMap((file) => ["--recording", file]) : ["--assets", "BTC,ETH"];
  const program = path.join(path.dirname(path.resolve(BIN)), "silverbullet-exchange-replay");
  const exchange = await startProgram(program, ["--venue", venue, "--certificate", path.join(folder, "ca.pem"), ...prices], {
    folder,
    stream: "stdout",
    pattern: /^(wss:\/\/\S+)/,
  });
  running.push(exchange.child);
  return exchange;
}

for (const venue of VENUES) {
  test(`the frontier moves with the prices of ${venue}`, { timeout: 90_000 }, async () => {
    const exchange = await play(venue);
    await writeFile(path.join(folder, "silverbullet.toml"), '[exchange]\nca_file = "ca.pem"\n');
    const source = ["--source", venue, "--url", exchange.url, "--assets", "BTC,ETH"];
    const { child, url } = await start([...source, "--bar", "200ms", "--window", "5", "--no-store", "--http", "127.0.0.1:0"], folder);
    running.push(child);
    const page = await browser.newPage();
    try {
      await page.goto(url);
      await frontierMoves(page);
      assert.equal(await page.evaluate(() => document.documentElement.dataset.connection), "live");
      // What the program says of itself comes less often than portfolios.
      await page.getByTestId("header").getByText(`${venue} live`).waitFor({ timeout: 10_000 });
    } finally {
      await page.close();
      await kill(child);
      await kill(exchange.child);
    }
  });
}
