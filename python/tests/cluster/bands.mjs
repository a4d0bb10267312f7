// Opens a page in a real browser, waits until it shows a resampled frontier, and prints what it says of it.
import { launchBrowser } from "../../../web/e2e/common.mjs";

const browser = await launchBrowser();
try {
  const page = await browser.newPage();
  await page.goto(process.argv[2]);
  const bands = page.locator('[data-testid="bands"]');
  await bands.waitFor({ state: "visible", timeout: 40_000 });
  const points = await bands.evaluate((node) => ({ ...node.dataset, text: node.textContent }));
  console.log(JSON.stringify(points));
} finally {
  await browser.close();
}
