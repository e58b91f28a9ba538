// Every page, in light and dark, on a desk and on a phone: alive without a word in the console, fitting,
// accessible; and the keys that lead through them.
import { becomeAdministrator } from '../lib/administrator.ts';
import {
  card,
  desk,
  expect,
  expectAccessible,
  expectFits,
  headline,
  hydrated,
  type Page,
  phone,
  Slipway,
  test,
  visit,
} from '../lib/test.ts';

let company: Slipway;
let empty: Slipway;

// A finding of axe names the element; a trace would only make each page slower.
test.use({ trace: 'off' });

test.beforeAll(async () => {
  [company, empty] = await Promise.all([Slipway.start({ command: 'demo' }), Slipway.start({ command: 'run' })]);
});

test.afterAll(async () => {
  await Promise.all([company[Symbol.asyncDispose](), empty[Symbol.asyncDispose]()]);
});

/**
 * Expects of a page that is shown once: one heading of the first rank, room in both windows, no finding of axe on a
 * phone in the light, enough contrast on a desk in the dark. A test of the tokens holds the other pairs of colours.
 */
async function expectSound(page: Page, path: string): Promise<void> {
  // A colour that is on its way from one scheme to the other has no contrast to speak of.
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
  await page.setViewportSize(desk);
  await visit(page, path);
  await expect.soft(page.getByRole('heading', { level: 1 }), path).toHaveCount(1);
  await expectFits(page);
  await expectAccessible(page, ['color-contrast']);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(phone);
  await expectFits(page);
  await expectAccessible(page);
}

/** The address of the first link that a list of the sample company has. */
async function linked(page: Page, list: string, link: string): Promise<string> {
  await visit(page, list);
  const href = await page.locator(link).first().getAttribute('href');
  expect(href, `${link} on ${list}`).not.toBeNull();
  return href ?? '';
}

// The first of all, as it begins when the sample company does and is over in a few minutes.
test('a promotion that rolls out is sound', async ({ open }) => {
  const page = await open(company, 'release manager');
  await visit(page, '/promotions?state=live');
  const row = page.getByRole('row').filter({ hasText: 'rolling out' }).filter({ hasText: 'orders' });
  const path = await row.locator('td[data-label="Promotion"] a').getAttribute('href');
  await visit(page, path ?? '');
  await expect(headline(page)).toContainText('rolling out');
  await expectSound(page, path ?? '');
});

const places: Record<string, string[]> = {
  'the Board': ['/', '/?state=waiting&differences=true', '/?q=nothing-like-it'],
  approvals: ['/approvals'],
  services: [
    '/services',
    '/services?q=nothing-like-it',
    '/add-service',
    '/services/orders',
    '/services/orders/change',
    '/services/orders/targets/production',
  ],
  promotions: [
    '/promotions',
    '/promote',
    '/promote?service=cart',
    '/promote?service=cart&environment=production',
    '/services/cart/roll-back?environment=production',
  ],
  'the lists': ['/deployments', '/incidents', '/audit', '/insights'],
  search: ['/search', '/search?q=is cart in production%3F', '/search?q=nothing-like-it', '/more', '/nowhere'],
  'the settings': [
    '/settings/environments',
    '/settings/environments/production',
    '/settings/clusters',
    '/settings/clusters/practice',
    '/settings/clusters/practice/discover',
    '/settings/me',
    '/settings/about',
  ],
  'what a release manager may not see': ['/settings/people', '/settings/tokens', '/settings/slack'],
};

for (const [place, paths] of Object.entries(places)) {
  test(`${place}: sound`, async ({ open }) => {
    const page = await open(company, 'release manager');
    for (const path of paths) await test.step(path, () => expectSound(page, path));
  });
}

for (const [what, list, link] of [
  ['a promotion that waits', '/promotions?state=waiting', 'td[data-label="Promotion"] a'],
  ['a promotion that is done', '/promotions?service=slots&environment=staging&state=over', 'td[data-label="Promotion"] a'],
  ['a promotion that was taken back', '/promotions?service=pricing&state=over', 'td[data-label="Promotion"] a'],
  ['a version', '/services/pricing', 'td[data-label="Version"] a'],
  ['a comparison', '/', 'a.ahead'],
] as const) {
  test(`${what} is sound`, async ({ open }) => {
    const page = await open(company, 'release manager');
    await expectSound(page, await linked(page, list, link));
  });
}

test('the sign-in pages are sound', async ({ open }) => {
  const page = await open(company);
  for (const path of ['/sign-in', company.link(/developer/), '/link/of-no-use']) await expectSound(page, path);
});

test('the pages of an empty installation are sound, and those that only an administrator sees', async ({ open }) => {
  test.setTimeout(180_000);
  const page = await open(empty);
  for (const path of ['/sign-in', empty.link(/first administrator/)]) await expectSound(page, path);
  await becomeAdministrator(page, empty);
  for (const path of [
    '/',
    '/approvals',
    '/services',
    '/add-service',
    '/promote',
    '/promotions',
    '/deployments',
    '/insights',
    '/incidents',
    '/audit',
    '/search',
    '/more',
    '/settings/environments',
    '/settings/clusters',
    '/settings/people',
    '/settings/tokens',
    '/settings/slack',
    '/settings/me',
    '/settings/about',
    '/nowhere',
  ]) {
    await test.step(path, () => expectSound(page, path));
  }
});

test('what opens on demand is sound', async ({ open }) => {
  const page = await open(company, 'release manager', { reducedMotion: 'reduce' });
  for (const [viewport, colorScheme] of [
    [desk, 'light'],
    [phone, 'dark'],
  ] as const) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await visit(page, '/');
    await page.locator('summary').filter({ hasText: 'Acts on cart in Production' }).click();
    await expect(page.getByRole('link', { name: /^Roll back/ })).toBeVisible();
    await expectFits(page);
    await expectAccessible(page);
    await page.keyboard.press('Escape');

    await page.keyboard.press('?');
    await expect(page.getByRole('dialog', { name: 'Keys' })).toBeVisible();
    await expectAccessible(page);
    await page.keyboard.press('Escape');

    await page.keyboard.press('/');
    const search = page.getByRole('dialog', { name: 'Search' });
    await search.getByRole('searchbox').fill('is cart in production?');
    await expect(search.getByRole('option', { name: /yes, in Production/ }).first()).toBeVisible();
    const hidden = await search.locator('.palette-results').evaluate(found => found.scrollWidth - found.clientWidth);
    expect(hidden, 'pixels of an answer that stand outside the palette').toBe(0);
    await expectFits(page);
    await expectAccessible(page);
  }
});

test('a question is answered on the search page', async ({ open }) => {
  const page = await open(company, 'developer');
  await visit(page, '/services/cart');
  const label = await card(page, 'Production').locator('a.version').first().textContent();
  await visit(page, '/search');
  await page.getByRole('main').getByRole('searchbox').fill('is cart in production?');
  await page.keyboard.press('Enter');
  const answer = page.getByRole('listitem').filter({ hasText: `yes, in Production with ${label?.trim()}, deployed` });
  await expect(answer.getByRole('link', { name: 'cart', exact: true })).toBeVisible();
});

test('the site comes compressed, is kept for ever, and pages are not kept', async ({ open }) => {
  const page = await open(company, 'developer');
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
  const page = await open(company, 'release manager');
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

test('the first key leads past the frame to what the page is about', async ({ open }) => {
  const page = await open(company, 'developer');
  await visit(page, '/services');
  await page.keyboard.press('Tab');
  await expect(page.locator('.skip-link')).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
});

test('the theme is chosen and stays', async ({ open }) => {
  const page = await open(company, 'developer');
  await visit(page, '/settings/me');
  await page.getByLabel('Dark').check();
  await page.getByRole('button', { name: 'Use it' }).click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await visit(page, '/insights');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
});

test('what is nowhere says so in the frame', async ({ open }) => {
  const page = await open(company, 'developer');
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
    await expect(page.getByRole('heading', { level: 1 }), path).toHaveCount(1);
    await expect(page.getByRole('heading', { name: 'Not found' }), path).toBeVisible();
    await expect(page.getByRole('navigation', { name: 'Main', exact: true }), path).toBeVisible();
  }
});
