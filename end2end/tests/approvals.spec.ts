// Approvals on a phone: what is decided on can be read there, and a word that comes too late is answered where the thumb is.
import { card, expect, Slipway, test, visit } from '../lib/test.ts';

let slipway: Slipway;

test.beforeAll(async () => {
  slipway = await Slipway.start({ command: 'demo' });
});

test.afterAll(async () => {
  await slipway[Symbol.asyncDispose]();
});

const phone = { viewport: { width: 390, height: 780 } };

test('an approval says step by step how it goes', async ({ open }) => {
  const ines = await open(slipway, 'product owner', phone);
  await visit(ines, '/approvals');
  const slots = ines.locator('[data-row=approval]').filter({ has: ines.getByRole('heading', { name: /^slots to/ }) });
  await expect(slots).toContainText(/Blue-green by Service slots: Preview → .* → Rollout/);
});

test('a time within a sentence is in the zone of who reads, with the exact one under the pointer', async ({ open }) => {
  const ines = await open(slipway, 'product owner', phone);
  await visit(ines, '/promotions?state=waiting');
  await ines.locator('tbody a').first().click();
  const next = ines.locator('.notice').filter({ hasText: 'What happens next' });
  await expect(next).toContainText(/It expires at/);
  const time = next.locator('time');
  const at = new Date((await time.getAttribute('datetime')) ?? '');
  const as = (timeZone: string) =>
    new Intl.DateTimeFormat('en-GB', { timeZone, day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
      .format(at)
      .replace(',', '');
  await expect(time).toHaveText(as('Europe/Berlin'));
  await expect(time).toHaveAttribute('title', / UTC$/);
  expect(as('Europe/Berlin')).not.toBe(as('UTC'));
});

test('a word that comes too late is answered in sight, with what has become of it', async ({ open }) => {
  // No news: what was decided by another meanwhile is not on the page yet.
  const ines = await open(slipway, 'product owner', phone);
  await ines.route('**/events?**', () => {});
  await visit(ines, '/approvals');
  const slots = ines.locator('[data-row=approval]').filter({ has: ines.getByRole('heading', { name: /^slots to/ }) });
  const href = await slots.getByRole('link', { name: /^slots to/ }).getAttribute('href');
  const other = await open(slipway, 'product owner', phone);
  await other.route('**/events?**', () => {});
  await visit(other, href ?? '');

  const rosa = await open(slipway, 'release manager');
  await visit(rosa, href ?? '');
  await rosa.getByLabel('Comment').fill('Not this week');
  await rosa.getByRole('button', { name: 'Reject' }).click();
  await expect(rosa.getByRole('main')).toContainText('Rejected');

  for (const page of [ines, other]) {
    await page.getByRole('button', { name: /^Approve slots/ }).click();
    const answer = page.getByRole('alert').filter({ hasText: 'Not done' });
    await expect(answer).toContainText('It is now: rejected by Rosa Mint');
    await expect(answer).toBeInViewport({ ratio: 1 });
  }
});

test('a refusal that leaves the buttons stands beside them', async ({ open }) => {
  const ines = await open(slipway, 'product owner', phone);
  await visit(ines, '/approvals');
  const first = ines.locator('[data-row=approval]').first();
  await ines.route('**/do/judge', async route => {
    const body = new URLSearchParams(route.request().postData() ?? '');
    body.set('plan_number', '999');
    await route.continue({ postData: body.toString() });
  });
  await first.getByRole('button', { name: /^Approve / }).click();
  const answer = first.getByRole('alert');
  await expect(answer).toContainText('What would change is not what you read any more');
  await expect(answer).toContainText('It is now: waits for');
  await expect(answer).toBeInViewport({ ratio: 1 });
});
