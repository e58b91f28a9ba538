// Traffic, step by step: a canary that waits for a person, and one that is taken back. Each test has a
// service of its own.
import { card, expect, headline, Slipway, test, visit, type Page } from '../lib/test.ts';

let slipway: Slipway;

test.beforeAll(async () => {
  slipway = await Slipway.start({ command: 'demo' });
});

test.afterAll(async () => {
  await slipway[Symbol.asyncDispose]();
});

/** A canary takes its pauses: some minutes on a busy machine. */
const canary = { timeout: 240_000 };

/** The promotion of a service that is under way in production. */
async function openPromotion(page: Page, service: string): Promise<void> {
  await visit(page, `/promotions?service=${service}`);
  await page.locator('tbody a').first().click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText(service);
}

test('a canary goes up step by step, asks a person, and comes home', async ({ open }) => {
  test.setTimeout(600_000);
  const rosa = await open(slipway, 'release manager');
  await openPromotion(rosa, 'invoices');
  const traffic = card(rosa, 'Traffic');
  await expect(traffic).toContainText('canary by HTTPRoute invoices');
  await expect(headline(rosa)).toContainText('canary at 50 %, waits for someone to let it go on', canary);
  const pods = card(rosa, 'Pods');
  await expect(pods).toContainText('production/invoices-canary');
  await expect(pods.getByText('candidate')).toBeVisible();
  await traffic.getByText('Put the traffic back by hand').click();
  await expect(traffic.getByRole('region', { name: 'Commands' })).toContainText('kubectl -n production patch httproutes');

  // A share by hand, at most what was approved so far; what is refused keeps what was typed.
  await traffic.locator('summary').filter({ hasText: 'Set the share' }).click();
  await traffic.getByLabel(/^Share of /).fill('80');
  await traffic.getByLabel('Why?').locator('visible=true').fill('More of them');
  await traffic.getByRole('button', { name: 'Set the share' }).locator('visible=true').click();
  await expect(traffic).toContainText('the approved steps give at most 50 %');
  await traffic.getByLabel(/^Share of /).fill('30');
  await traffic.getByRole('button', { name: 'Set the share' }).locator('visible=true').click();
  await expect(headline(rosa)).toContainText('canary at 30 %, set by hand', canary);

  // Going on from there ends more than a pause: it is asked once more, and says where to.
  await traffic.locator('summary').filter({ hasText: 'Go on to 100 %' }).click();
  await expect(traffic.getByText('Ends the 30 % that were set by hand')).toContainText('Then: 100 %.');
  await expect(headline(rosa)).toContainText('set by hand');
  await traffic.getByRole('button', { name: 'Go on', exact: true }).click();
  await expect(headline(rosa)).toHaveText('done', canary);
  await expect(pods).not.toContainText('invoices-canary');
  const journal = card(rosa, 'Journal');
  for (const line of [/10 % of the traffic/, /Set to 30 %/, /Goes on/, /the candidate is removed/, /Done/]) {
    await expect(journal).toContainText(line);
  }
});

test('who asked may pause it, and only a release manager steers', async ({ open, start }) => {
  const morning = await start({ command: 'demo' });
  const theo = await open(morning, 'developer');
  await openPromotion(theo, 'invoices');
  const traffic = card(theo, 'Traffic');
  await expect(traffic).toContainText('canary by');
  await expect(traffic.locator('summary')).toHaveText(['Pause', 'Put the traffic back by hand']);
  await traffic.locator('summary').filter({ hasText: 'Pause' }).click();
  await traffic.getByLabel('Why?').fill('Support has a question');
  await traffic.getByRole('button', { name: 'Pause' }).click();
  await expect(headline(theo)).toContainText('paused by Theo Lind: Support has a question');
});

test('what was left out is not shown as done', async ({ open, start }) => {
  test.setTimeout(300_000);
  const morning = await start({ command: 'demo' });
  const rosa = await open(morning, 'release manager');
  await openPromotion(rosa, 'invoices');
  const traffic = card(rosa, 'Traffic');
  // Who has seen another step leaves nothing out: the pause is long enough to be seen.
  await expect(headline(rosa)).toContainText('canary at 10 % until', canary);
  await traffic.locator('summary').filter({ hasText: 'Promote at once' }).click();
  await traffic.getByLabel('Why?').locator('visible=true').fill('It mends what hurts');
  await traffic.getByRole('button', { name: 'Promote at once' }).click();
  await expect(rosa.locator('.steps').first()).toContainText('left out');
  await expect(headline(rosa)).toHaveText('done', canary);
  await expect(rosa.locator('.steps').first()).toContainText('left out');
});

test('the strategy of a target is set by a form that keeps what was typed', async ({ open }) => {
  const rosa = await open(slipway, 'release manager');
  await visit(rosa, '/services/cart/targets/staging');
  const form = card(rosa, 'Strategy');
  // A rolling update needs nothing more; nothing here was made by Helm, which is not spoken of.
  await expect(form.getByLabel('Steps')).toBeHidden();
  await expect(card(rosa, 'Installed by Helm')).toHaveCount(0);
  await form.getByText('Blue-green', { exact: true }).click();
  await expect(form.getByText('Service (optional)')).toHaveCount(0);
  await form.getByLabel('What moves the traffic').selectOption('selector');
  await expect(form.getByLabel('Route')).toBeHidden();
  await form.getByLabel('Service').fill('cart');
  await form.getByLabel('Steps').fill('preview, soon, 100%');
  await form.getByRole('button', { name: 'Save the strategy' }).click();
  await expect(form).toContainText("'soon' is no step");
  await expect(form.getByLabel('Steps')).toHaveValue('preview, soon, 100%');
  await form.getByLabel('Steps').fill('preview, ask, 100%, 30s');
  await form.getByRole('button', { name: 'Save the strategy' }).click();
  await expect(rosa.getByText('Saved: the strategy blue-green.')).toBeVisible();
  await visit(rosa, '/services/cart/targets/staging');
  await expect(card(rosa, 'Strategy').getByLabel('Steps')).toHaveValue('preview, ask, 100%, 30s');
});

test('a version that answers with errors is taken back while one looks on', async ({ open }) => {
  test.setTimeout(300_000);
  const theo = await open(slipway, 'developer');
  await visit(theo, '/promote?service=images&environment=production');
  await theo.getByLabel('Why?').fill('Sharper pictures');
  await card(theo, 'Ask for it').getByRole('button').click();
  await expect(theo).toHaveURL(/\/promotions\/\d+$/);
  const ines = await open(slipway, 'product owner');
  await visit(ines, theo.url());
  await ines.getByRole('button', { name: /^Approve / }).click();

  await expect(headline(theo)).toContainText('canary at 25 %', canary);
  await expect(headline(theo)).toContainText(/^taken back: error rate [0-9.]+ % is above 5 %/, canary);
  await expect(card(theo, 'Traffic')).toContainText(/images\s*0 % when it ended/);
  const analysis = card(theo, 'Analysis');
  await expect(analysis.getByRole('img').first()).toBeVisible();
  await analysis.locator('summary').first().click();
  await expect(analysis.locator('tbody tr').first()).toBeVisible();
  await expect(card(theo, 'Pods')).not.toContainText('images-canary');
});
