// Every page, in light and dark, on a desk and on a phone: alive without a word in the console, fitting,
// accessible; and the keys that lead through them.
import { card, expect, expectAccessible, expectFits, hydrated, Slipway, test, visit } from '../lib/test.ts';

let slipway: Slipway;

test.beforeAll(async () => {
  slipway = await Slipway.start({ command: 'demo' });
});

test.afterAll(async () => {
  await slipway[Symbol.asyncDispose]();
});

const paths = [
  '/',
  '/?state=waiting&differences=true',
  '/approvals',
  '/services',
  '/services/new',
  '/services/orders',
  '/services/orders/change',
  '/services/orders/targets/production',
  '/promote',
  '/promote?service=cart',
  '/promote?service=cart&environment=production',
  '/promotions',
  '/services/cart/roll-back?environment=production',
  '/deployments',
  '/insights',
  '/incidents',
  '/audit',
  '/search?q=cart',
  '/more',
  '/settings/environments',
  '/settings/clusters',
  '/settings/me',
  '/settings/about',
];

for (const path of paths) {
  test(`${path} is sound`, async ({ open }) => {
    const page = await open(slipway, 'release manager', { viewport: { width: 1360, height: 900 } });
    await visit(page, path);
    await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1);
    await expectAccessible(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    await expectAccessible(page, ['color-contrast']);

    await page.setViewportSize({ width: 360, height: 740 });
    await expectFits(page);
    await expectAccessible(page);
    await page.emulateMedia({ colorScheme: 'light' });
    await expectAccessible(page, ['color-contrast']);
  });
}

test('pages that are reached from lists are sound', async ({ open }) => {
  const page = await open(slipway, 'release manager', { viewport: { width: 360, height: 740 } });
  const reached: [list: string, link: string][] = [
    ['/promotions', 'td[data-label="Promotion"] a'],
    ['/services/pricing', 'td[data-label="Version"] a'],
    ['/', 'a.ahead'],
    ['/?state=failed', '.board-cell-reason a'],
  ];
  for (const [list, link] of reached) {
    await visit(page, list);
    const href = await page.locator(link).first().getAttribute('href');
    await visit(page, href ?? '');
    await expectFits(page);
    await expectAccessible(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    await expectAccessible(page, ['color-contrast']);
    await page.emulateMedia({ colorScheme: 'light' });
  }
});

test('the sign-in pages are sound', async ({ open }) => {
  const page = await open(slipway, undefined, { viewport: { width: 360, height: 740 } });
  for (const path of ['/sign-in', slipway.link(/developer/), '/link/of-no-use']) {
    await visit(page, path);
    await expectFits(page);
    await expectAccessible(page);
  }
});

test('the site comes compressed, is kept for ever, and pages are not kept', async ({ open }) => {
  const page = await open(slipway, 'developer');
  const wasm = page.waitForResponse(response => response.url().endsWith('.wasm'));
  const document = await page.goto('/');
  await hydrated(page);
  const headers = (await wasm).headers();
  expect(headers['content-type']).toBe('application/wasm');
  expect(headers['content-encoding']).toBe('br');
  expect(headers['cache-control']).toContain('immutable');
  expect(document?.headers()['cache-control']).toContain('no-store');
});

test('keys lead to places and through lists', async ({ open }) => {
  const page = await open(slipway, 'release manager');
  await visit(page, '/services');
  await page.keyboard.press('g');
  await page.keyboard.press('b');
  await expect(page.getByRole('heading', { level: 1, name: 'Board' })).toBeVisible();
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  await expect(page.getByRole('heading', { level: 1, name: 'Approvals' })).toBeVisible();
  await page.keyboard.press('g');
  await page.keyboard.press('i');
  await expect(page.getByRole('heading', { level: 1, name: 'Insights' })).toBeVisible();

  await page.keyboard.press('?');
  const keys = page.getByRole('dialog', { name: 'Keys' });
  await expect(keys).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(keys).toBeHidden();

  await page.keyboard.press('/');
  const search = page.getByRole('dialog', { name: 'Search' });
  await expect(search.getByRole('searchbox')).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(search).toBeHidden();

  await visit(page, '/promotions');
  const links = page.locator('td[data-label="Promotion"] a');
  const first = await links.first().getAttribute('href');
  await page.keyboard.press('j');
  await expect(links.first()).toBeFocused();
  await page.keyboard.press('j');
  await expect(links.nth(1)).toBeFocused();
  await page.keyboard.press('k');
  await expect(links.first()).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(new RegExp(`${first}$`));
  await expect(card(page, 'Journal')).toBeVisible();
});

test('the theme is chosen and stays', async ({ open }) => {
  const page = await open(slipway, 'developer');
  await visit(page, '/settings/me');
  await page.getByLabel('Dark').check();
  await page.getByRole('button', { name: 'Use it' }).click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await visit(page, '/insights');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
});

test('what is nowhere says so in the frame', async ({ open }) => {
  const page = await open(slipway, 'developer');
  for (const path of [
    '/nowhere',
    '/services/none',
    '/services/cart/versions/none',
    '/services/cart/compare?to=none',
    '/promotions/99999999',
    '/promotions/none',
    '/settings/environments/none',
  ]) {
    const answer = await page.goto(path);
    expect(answer?.status(), path).toBe(404);
    await hydrated(page);
    await expect(page.getByRole('heading', { level: 1 }), path).toHaveText('Not found');
    await expect(page.getByRole('navigation', { name: 'Main', exact: true }), path).toBeVisible();
  }
});
