// The demo opens: styled, alive, accessible, in light and dark, on a phone.
import { Slipway } from '../lib/slipway.ts';
import { expect, expectAccessible, hydrated, test } from '../lib/test.ts';

let slipway: Slipway;

test.beforeAll(async () => {
  slipway = await Slipway.start({ command: 'demo' });
});

test.afterAll(async () => {
  await slipway[Symbol.asyncDispose]();
});

test('the first page is styled and comes to life', async ({ page }) => {
  const wasm = page.waitForResponse(response => response.url().endsWith('.wasm'));
  await page.goto(slipway.url);
  await hydrated(page);

  const response = await wasm;
  expect(response.status()).toBe(200);
  expect(response.headers()['content-type']).toBe('application/wasm');
  expect(response.headers()['content-encoding']).toBe('br');
  expect(response.headers()['cache-control']).toContain('immutable');
  const sheets = await page.evaluate(() => document.styleSheets.length);
  expect(sheets).toBeGreaterThan(0);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`the first page is accessible in ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    await page.goto(slipway.url);
    await hydrated(page);
    await expectAccessible(page);
  });
}

test('the first page fits a phone', async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto(slipway.url);
  await hydrated(page);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBeLessThanOrEqual(360);
});
