// The main job, told with the sample company: a version goes to production with consent and is watched,
// stopped, taken back, rolled back, found. Each test has a service of its own.
import { card, cell, expect, headline, Slipway, test, visit, type Locator, type Page } from '../lib/test.ts';

let slipway: Slipway;

test.beforeAll(async ({ ground }) => {
  slipway = await Slipway.start({ command: 'demo', on: ground });
});

test.afterAll(async () => {
  await slipway[Symbol.asyncDispose]();
});

/** A rollout takes some seconds of the practice cluster's time, more on a busy machine. */
const rollout = { timeout: 60_000 };

/** Keeps every text that the selected elements show, until the page is loaded anew. */
async function record(page: Page, selector: string): Promise<() => Promise<string[]>> {
  await page.evaluate(selector => {
    const seen: string[] = [];
    const look = () =>
      document.querySelectorAll(selector).forEach(element => {
        const text = element.textContent?.trim() ?? '';
        if (seen.at(-1) !== text) seen.push(text);
      });
    look();
    new MutationObserver(look).observe(document.body, { childList: true, characterData: true, subtree: true });
    Object.assign(window, { recorded: seen });
  }, selector);
  return () => page.evaluate(() => (window as { recorded?: string[] }).recorded ?? []);
}

/** The line that says what an act came to. */
function said(page: Page): Locator {
  return page.locator('.outcome');
}

/** Asks for what the service's page offers for an environment; the address of the promotion. */
async function promote(page: Page, service: string, environment: string, reason: string): Promise<string> {
  await visit(page, `/services/${service}`);
  await card(page, environment).getByRole('link', { name: /^Promote / }).click();
  await expect(page.getByRole('heading', { level: 1, name: `Promote ${service} to ${environment}` })).toBeVisible();
  await page.getByLabel('Why?').fill(reason);
  await card(page, 'Ask for it').getByRole('button').click();
  await expect(page).toHaveURL(/\/promotions\/\d+$/);
  return page.url();
}

test('a developer asks, the product owner approves on a phone, the release manager watches', async ({ open }) => {
  const reason = 'Vouchers are wanted for Monday';

  const theo = await open(slipway, 'developer');
  await visit(theo, '/');
  await theo.getByRole('link', { name: 'cart', exact: true }).click();
  await expect(theo.getByRole('heading', { level: 1, name: 'cart' })).toBeVisible();
  await card(theo, 'Production').getByRole('link', { name: /^Promote / }).click();
  await expect(theo.getByRole('heading', { level: 1, name: 'Promote cart to Production' })).toBeVisible();
  const changes = card(theo, 'What changes');
  await expect(changes).toContainText(/\d+ versions?, \d+ commits?/);
  await expect(changes.locator('.commit').first()).toBeVisible();
  await expect(card(theo, 'What is asked for')).toContainText('0 of 1 approval');
  await theo.getByLabel('Why?').fill(reason);
  await theo.getByRole('button', { name: /^Ask to promote cart/ }).click();
  await expect(headline(theo)).toHaveText('waits for 1 approval');
  const promotion = theo.url();

  const rosa = await open(slipway, 'release manager');
  await visit(rosa, promotion);
  await expect(headline(rosa)).toHaveText('waits for 1 approval');
  const pods = await record(rosa, '.pods-words');

  const ines = await open(slipway, 'product owner', { viewport: { width: 390, height: 844 }, hasTouch: true });
  await visit(ines, '/approvals');
  const approval = ines.getByRole('article').filter({ hasText: 'cart to Production' });
  await expect(approval).toContainText(reason);
  await expect(approval).toContainText('Theo Lind');
  await expect(approval.getByRole('region', { name: 'Is it safe?' })).toContainText('unit tests');
  await expect(approval.locator('.commit').first()).toBeVisible();
  await approval.getByLabel('Comment').fill('Support knows.');
  await approval.getByRole('button', { name: /^Approve / }).click();
  await expect(approval).toHaveCount(0);
  // The card is gone; what came of it is said, and the way on is there.
  await expect(said(ines)).toContainText(/^Approved: cart [0-9.]+ to production\. It starts by itself\./);
  await expect(said(ines)).toBeInViewport();
  await expect(ines.getByRole('navigation', { name: 'Main, for thumbs' })).toBeInViewport();

  await expect(headline(rosa)).toHaveText('done', rollout);
  // Gone if the page had been loaded anew.
  const seen = await pods();
  expect(seen.at(-1)).toBe('3 of 3 available');
  expect(new Set(seen).size, `pods came one after another: ${seen.join('; ')}`).toBeGreaterThan(1);
  const journal = card(rosa, 'Journal');
  for (const line of [/Asked/, /Approved, 1 of 1.*Support knows.*Ines Okafor/s, /Rolling out/, /3 of 3 pods/, /Done/]) {
    await expect(journal).toContainText(line);
  }

  const practice = rosa.getByText('practice cluster').first();
  if (!slipway.cluster) return expect(practice).toBeVisible();
  await expect(practice).toHaveCount(0);
  const { metadata, spec } = await slipway.cluster.deployment('production', 'cart');
  expect(spec.template.spec.containers[0]?.image).toMatch(/\/cart:[0-9.]+@sha256:[0-9a-f]{64}$/);
  const number = promotion.split('/').at(-1);
  expect(metadata.annotations['kubernetes.io/change-cause']).toContain(`slipway promotion ${number} promotes cart`);
  expect(metadata.annotations['slipway.dev/promotion']).toMatch(/^[0-9a-f-]{36}$/);
});

test('what is under way is aborted, and what ran before comes back', async ({ open, start }) => {
  // As this company's server starts, a version that is slow to come up begins to go to production.
  const morning = await start({ command: 'demo' });
  const rosa = await open(morning, 'release manager');
  await visit(rosa, '/');
  await cell(rosa, 'orders', 'Production').locator('.board-cell-reason a').click();
  await rosa.locator('summary').filter({ hasText: 'Abort, and take back' }).click();
  const says = rosa.getByText('is brought back, in all workloads');
  const former = (await says.textContent())?.split(' ')[0] ?? '';
  await rosa.getByLabel('Why?').fill('It takes too long');
  await rosa.getByRole('button', { name: 'Abort, and take back' }).click();
  await expect(headline(rosa)).toContainText('aborted', rollout);
  await expect(card(rosa, 'Journal')).toContainText('It takes too long');

  await visit(rosa, '/');
  await expect(cell(rosa, 'orders', 'Production').getByRole('link', { name: former, exact: true })).toBeVisible();
});

test('what is done is rolled back from the Board with one reason', async ({ open }) => {
  const rosa = await open(slipway, 'release manager');
  await visit(rosa, '/');
  const mailer = cell(rosa, 'mailer', 'Production');
  await mailer.locator('summary').click();
  await mailer.getByRole('link', { name: 'Roll back', exact: true }).click();
  await expect(rosa.getByRole('heading', { level: 1, name: 'Roll mailer back in Production' })).toBeVisible();
  await expect(card(rosa, 'What it does not bring back')).toContainText('database');
  await expect(card(rosa, 'What comes back').locator('code').first()).toContainText('mailer');
  // Any version that worked here before can be chosen, and the page says what that one would bring.
  const backTo = rosa.getByLabel('Back to', { exact: true });
  const [usual = '', older = ''] = await backTo
    .locator('option')
    .evaluateAll(options => options.map(option => (option as HTMLOptionElement).value));
  await backTo.selectOption(older);
  await expect(rosa.getByRole('button', { name: `Roll mailer back to ${older}` })).toBeVisible();
  await expect(card(rosa, 'What comes back').locator('code').first()).toContainText(older);
  await backTo.selectOption(usual);
  await expect(rosa.getByRole('button', { name: `Roll mailer back to ${usual}` })).toBeVisible();
  await rosa.getByLabel('Why?').fill('Customers get each mail twice');
  const button = rosa.getByRole('button', { name: /^Roll mailer back to / });
  const former = (await button.textContent())?.split(' ').at(-1)?.trim() ?? '';
  await button.click();

  await expect(headline(rosa)).toHaveText('done', rollout);
  await expect(rosa.locator('.page-head')).toContainText('rollback');
  await expect(card(rosa, 'Why')).toContainText('Customers get each mail twice');
  const number = rosa.url().split('/').at(-1) ?? '';
  await visit(rosa, '/services/mailer');
  const taken = card(rosa, 'Deployments').locator('tbody tr').filter({ hasText: `rolled back by ${number}` });
  await expect(taken).toHaveCount(1);
  await visit(rosa, '/');
  await expect(cell(rosa, 'mailer', 'Production').getByRole('link', { name: former, exact: true })).toBeVisible();
});

test('a version whose pods crash is taken back, with their own reason', async ({ open }) => {
  const theo = await open(slipway, 'developer');
  await promote(theo, 'recommendations', 'Staging', 'Cold starts are faster');
  await expect(headline(theo)).toContainText('taken back', rollout);
  await expect(headline(theo)).toContainText(/CrashLoopBackOff, exit code 1/);
  // The pods are gone; why they failed is still there.
  const failed = card(theo, 'Why pods failed').getByRole('region', { name: /^Pod / });
  await expect(failed.first()).toContainText('exit code 1');
  // The log is that of the practice cluster; pods on the test's control plane have none.
  const log = slipway.cluster ? /No log/ : 'panic: the ledger cannot be opened';
  await expect(failed.first()).toContainText(log);
  await expect(card(theo, 'Journal')).toContainText('Taking back');

  await visit(theo, '/?state=failed');
  await expect(cell(theo, 'recommendations', 'Staging')).toContainText('CrashLoopBackOff');
});

test('a rejection needs a comment, and the comment is in the journal', async ({ open }) => {
  const ines = await open(slipway, 'product owner');
  await visit(ines, '/approvals');
  const approval = ines.getByRole('article').filter({ hasText: 'identity to Production' });
  const promotion = await approval.getByRole('heading').first().getByRole('link').getAttribute('href');
  await approval.getByRole('button', { name: 'Reject' }).click();
  await expect(approval).toContainText('say in the comment why you reject it');
  await approval.getByLabel('Comment').fill('Not in the week of the sale');
  await approval.getByRole('button', { name: 'Reject' }).click();
  await expect(approval).toHaveCount(0);
  await expect(said(ines)).toContainText(/^Rejected: identity .* Nothing was changed\./);

  await visit(ines, promotion ?? '');
  await expect(said(ines)).toBeEmpty();
  await expect(headline(ines)).toContainText('rejected');
  await expect(card(ines, 'Journal')).toContainText('Not in the week of the sale');
});

test('Insights show four figures, and charts whose bars lead to their deployments', async ({ open }) => {
  const rosa = await open(slipway, 'release manager');
  await visit(rosa, '/insights');
  for (const figure of ['Deployment frequency', 'Change lead time', 'Change fail rate', 'recovery time']) {
    const tile = rosa.locator('.tile').filter({ hasText: new RegExp(figure, 'i') });
    await expect(tile.locator('.tile-figure')).toHaveText(/\d/);
  }
  const bars = card(rosa, 'Deployments per week').locator('svg a');
  expect(await bars.count()).toBeGreaterThan(8);
  const week = await bars.nth(4).getAttribute('href');
  await visit(rosa, week ?? '');
  await expect(rosa.getByRole('heading', { level: 1, name: 'Deployments' })).toBeVisible();
  await expect(rosa.locator('main tbody tr').first()).toBeVisible();
});

test('Deployments are filtered, and the filter is in the address', async ({ open }) => {
  const theo = await open(slipway, 'developer');
  await visit(theo, '/deployments');
  await theo.getByRole('link', { name: 'rollback', exact: true }).click();
  await expect(theo).toHaveURL(/cause=rollback/);
  const rows = theo.locator('main tbody tr');
  await expect(theo.locator('.page-lead')).not.toContainText(/^\d{4,}/);
  for (const row of await rows.all()) await expect(row).toContainText('rollback');
  await theo.locator('summary').filter({ hasText: 'Environment: any' }).click();
  await theo.getByRole('link', { name: 'Production', exact: true }).click();
  await expect(theo).toHaveURL(/environment=production/);
  await expect(rows.first().locator('td[data-label="Environment"]')).toHaveText('Production');
  await theo.reload();
  await expect(rows.first()).toContainText('rollback');
});

test('one search finds a service and a commit, and says where it runs', async ({ open }) => {
  const theo = await open(slipway, 'developer');
  await visit(theo, '/services/routing');
  const hash = (await card(theo, 'Versions').locator('tbody tr').last().locator('.hash').textContent())?.trim() ?? '';
  expect(hash).toMatch(/^[0-9a-f]{7}/);

  await theo.keyboard.press('/');
  const box = theo.getByRole('dialog', { name: 'Search' });
  await box.getByRole('searchbox').fill('routing');
  await expect(box.getByRole('option').filter({ hasText: 'service of team' }).first()).toBeVisible();
  await box.getByRole('searchbox').fill(hash.slice(0, 7));
  const commit = box.getByRole('option').filter({ hasText: hash.slice(0, 7) });
  await expect(commit).toContainText('Production: ');
  await theo.keyboard.press('Enter');
  await expect(card(theo, 'Did my commit reach production?')).toContainText(/Production/);
});

test('a comparison unites the commits of the versions between', async ({ open }) => {
  const theo = await open(slipway, 'developer');
  await visit(theo, '/services/payments');
  const rows = card(theo, 'Versions').locator('tbody tr');
  const [to, between, from] = await rows.locator('td[data-label="Version"] .version').allTextContents();
  const counts = await rows.locator('td[data-label="What"]').allTextContents();
  const commits = counts.slice(0, 2).map(text => Number(/(\d+) commits?/.exec(text)?.[1]));
  await visit(theo, `/services/payments/compare?from=${from}&to=${to}`);
  await expect(card(theo, 'Versions between')).toContainText(between ?? 'no version');
  await expect(card(theo, 'Commits').locator('.commit')).toHaveCount((commits[0] ?? 0) + (commits[1] ?? 0));
});
