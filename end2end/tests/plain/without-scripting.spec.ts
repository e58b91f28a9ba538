// Slipway in a browser without scripting: every page can be read, and the forms of the main job work.
import { card, expect, headline, Slipway, test, type Page } from '../../lib/test.ts';

let slipway: Slipway;

test.beforeAll(async () => {
  slipway = await Slipway.start({ command: 'demo' });
});

test.afterAll(async () => {
  await slipway[Symbol.asyncDispose]();
});

/** Nothing of a page is left to a script: reloading is how news come. */
async function reloadUntil(page: Page, words: string): Promise<void> {
  await expect(async () => {
    await page.reload();
    await expect(headline(page)).toContainText(words, { timeout: 100 });
  }).toPass({ timeout: 60_000 });
}

test('every page can be read', async ({ open }) => {
  const rosa = await open(slipway, 'release manager');
  const pages: [path: string, heading: string, words: RegExp][] = [
    ['/', 'Board', /cart/],
    ['/approvals', 'Approvals', /payments to Production/],
    ['/services', 'Services', /routing/],
    ['/services/cart', 'cart', /Did my commit reach production/],
    ['/services/cart/change', 'Change cart', /Runbook/],
    ['/services/cart/targets/production', 'cart', /production/i],
    ['/promote', 'Promote', /cart/],
    ['/promote?service=cart', 'Promote cart', /Production/],
    ['/promote?service=cart&environment=production', 'Promote cart to Production', /What changes/],
    ['/promotions', 'Promotions', /waits for 1 approval/],
    ['/services/cart/roll-back?environment=production', 'Roll cart back in Production', /does not bring back/],
    ['/deployments', 'Deployments', /succeeded/],
    ['/insights', 'Insights', /Deployments per week/],
    ['/incidents', 'Incidents', /resolved|open/i],
    ['/audit', 'Audit', /Rosa Mint/],
    ['/search?q=cart', 'Search', /service of team/],
    ['/more', 'More places', /Settings: Me/],
    ['/settings/environments', 'Environments', /Pre-production/],
    ['/settings/me', 'Me', /release manager/],
    ['/settings/about', 'About', /version/i],
  ];
  for (const [path, heading, words] of pages) {
    const answer = await rosa.goto(path);
    expect(answer?.status(), path).toBe(200);
    await expect.soft(rosa.getByRole('heading', { level: 1 }), path).toContainText(heading);
    await expect.soft(rosa.getByRole('main'), path).toContainText(words);
    await expect.soft(rosa.locator('.skeleton'), path).toHaveCount(0);
  }
  await rosa.goto('/services/cart');
  await card(rosa, 'Versions').getByRole('row').nth(1).locator('.version').first().click();
  await expect(rosa.getByRole('heading', { level: 1 })).toContainText('cart');
  await rosa.goto('/promotions');
  await rosa.locator('main tbody tr').first().getByRole('link').first().click();
  await expect(card(rosa, 'Journal')).toContainText('Asked');
});

test('signing in by a link, asking, approving and aborting are plain forms', async ({ open, start }) => {
  const theo = await open(slipway);
  await theo.goto('/services/cart');
  await expect(theo).toHaveURL(/\/sign-in\?next=/);
  await theo.goto(slipway.link(/developer/));
  await theo.getByRole('button', { name: 'Sign in as Theo Lind' }).click();
  await expect(theo.getByRole('heading', { level: 1 })).toHaveText('Board');

  await theo.goto('/services/cart');
  await card(theo, 'Production').getByRole('link', { name: /^Promote / }).click();
  await theo.getByLabel('Why?').fill('Vouchers are wanted for Monday');
  await theo.getByRole('button', { name: /^Ask to promote cart/ }).click();
  await expect(headline(theo)).toHaveText('waits for 1 approval');
  const cart = new URL(theo.url()).pathname;

  const ines = await open(slipway, 'product owner');
  await ines.goto(cart);
  await ines.getByLabel('Comment').fill('Go ahead.');
  await ines.getByRole('button', { name: /^Approve / }).click();
  await expect(ines).toHaveURL(new RegExp(cart));
  await expect(ines.locator('.outcome')).toContainText(/^\s*Approved: cart [0-9.]+ to production/);
  await expect(card(ines, 'Journal')).toContainText('Go ahead.');
  await reloadUntil(theo, 'done');

  // As this company's server starts, a version that is slow to come up begins to go to production.
  const morning = await start({ command: 'demo' });
  const rosa = await open(morning, 'release manager');
  await rosa.goto('/promotions?service=orders&environment=production&state=live');
  await rosa.locator('td[data-label="Promotion"] a').first().click();
  await rosa.locator('summary').filter({ hasText: 'Abort, and take back' }).click();
  await rosa.getByLabel('Why?').fill('It takes too long');
  await rosa.getByRole('button', { name: 'Abort, and take back' }).click();
  await reloadUntil(rosa, 'aborted');
});

test('a refused form keeps what was typed and says why', async ({ open }) => {
  const nobody = await open(slipway);
  await nobody.goto('/sign-in');
  await nobody.getByLabel('E-mail address').fill('rosa.mint@larder.example');
  await nobody.getByLabel('Password').fill('not the password');
  await nobody.getByRole('button', { name: 'Sign in' }).click();
  await expect(nobody.getByRole('alert')).toContainText('Not signed in');
  await expect(nobody.getByLabel('E-mail address')).toHaveValue('rosa.mint@larder.example');
  await expect(nobody.getByLabel('Password')).toHaveValue('');

  const ines = await open(slipway, 'product owner');
  await ines.goto('/approvals');
  const slots = ines.getByRole('article').filter({ hasText: 'slots to Production' });
  await slots.getByRole('button', { name: 'Reject' }).click();
  await expect(slots).toContainText('say in the comment why you reject it');
  // The other forms on the page are not blamed.
  await expect(ines.getByText('say in the comment why you reject it')).toHaveCount(1);

  // What is typed and refused: a reason that is too long for the journal.
  const theo = await open(slipway, 'developer');
  await theo.goto('/promote?service=cart&environment=staging');
  const reason = 'because '.repeat(300).trim();
  await theo.getByLabel('Why?').fill(reason);
  await card(theo, 'Ask for it').getByRole('button').click();
  await expect(theo).toHaveURL(/\/promote\?/);
  await expect(theo.getByLabel('Why?')).toHaveValue(reason);
  await expect(theo.getByLabel('Why?')).toHaveAttribute('aria-invalid', 'true');
});
