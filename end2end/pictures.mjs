// Makes the README's pictures from the sample company: end2end/pictures/board.png, promotion.png and
// canary.png. The demo must have been started a moment ago: what is shown begins with it.
//
//     SLIPWAY_URL=http://127.0.0.1:3000 SLIPWAY_LINK=<the developer's sign-in link> node pictures.mjs
import { chromium } from '@playwright/test';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const { SLIPWAY_URL: url, SLIPWAY_LINK: link, SLIPWAY_TEST_CHROMIUM: executablePath = '/usr/bin/chromium' } = process.env;
if (!url || !link) throw new Error('SLIPWAY_URL and SLIPWAY_LINK name a running demo and a link that signs in');

const folder = fileURLToPath(new URL('./pictures/', import.meta.url));
await mkdir(folder, { recursive: true });
const args = process.getuid?.() === 0 ? ['--no-sandbox', '--disable-gpu'] : ['--disable-gpu'];
const browser = await chromium.launch({ executablePath, args });
const page = await browser.newPage({ baseURL: url, viewport: { width: 1360, height: 860 }, colorScheme: 'light' });

async function visit(path) {
  await page.goto(path);
  await page.waitForFunction(() => document.documentElement.dataset.hydrated === 'true');
}

await page.goto(link);
await page.getByRole('button', { name: /^Sign in as / }).click();
await visit('/');
await page.screenshot({ path: `${folder}board.png` });

// One that is slow to come up begins as the demo starts.
await visit('/promotions?state=live');
await page.locator('tr').filter({ hasText: 'rolling out' }).first().locator('td[data-label="Promotion"] a').click();
await page.getByText(/^[1-9] of \d+ available$/).first().waitFor();
await page.screenshot({ path: `${folder}promotion.png` });

// So does a canary, which stays at half of the traffic until a person lets it go on.
await visit('/promotions?service=invoices&state=live');
await page.locator('tbody a').first().click();
await page.getByText('canary at 50 %, waits for someone').first().waitFor({ timeout: 300_000 });
await page.screenshot({ path: `${folder}canary.png` });
await browser.close();
