// What people and pipelines should not send: it does not run, breaks no page, and happens once.
import { becomeAdministrator, makeToken, post } from '../lib/administrator.ts';
import { card, expect, expectFits, expectFitsOnPhoneAndDesk, headline, hydrated, Slipway, test, visit } from '../lib/test.ts';

let company: Slipway;
let empty: Slipway;

test.beforeAll(async () => {
  [company, empty] = await Promise.all([Slipway.start({ command: 'demo' }), Slipway.start({ command: 'run' })]);
});

test.afterAll(async () => {
  await Promise.all([company[Symbol.asyncDispose](), empty[Symbol.asyncDispose]()]);
});

/** Would speak up in a dialog, which fails the test, if any of it ran; one line of at most 200 characters. */
const markup = `"'><script>alert(1)</script><img src=x onerror=alert(2)> \${7*7} {{7*7}} '; DROP TABLE services; --`;
/** Does not break, is not only Latin, and reads from right to left. */
const long = `مرحبا${'w'.repeat(180)}`;
/** Turns the direction of what follows: 'exe.fdp' would read as 'pdf.exe'. */
const turned = 'invoice \u202Efdp.exe';

test('reasons and comments do not run and break nothing', async ({ open }) => {
  const theo = await open(company, 'developer');
  await visit(theo, '/promote?service=cart&environment=production');
  await theo.getByLabel('Why?').fill(turned);
  await theo.getByRole('button', { name: /^Ask to promote/ }).click();
  await expect(card(theo, 'Ask for it')).toContainText('U+202E');
  await expect(theo.getByLabel('Why?')).toHaveValue(turned);
  await theo.getByLabel('Why?').fill(`${markup}\n${long}`);
  await theo.getByRole('button', { name: /^Ask to promote/ }).click();
  await expect(headline(theo)).toHaveText('waits for 1 approval');
  await expect(card(theo, 'Why')).toContainText(markup);
  const promotion = theo.url();

  const ines = await open(company, 'product owner', { viewport: { width: 360, height: 740 } });
  await visit(ines, '/approvals');
  await expectFits(ines);
  const approval = ines.getByRole('article').filter({ hasText: 'cart to Production' });
  await expect(approval).toContainText(markup);
  await approval.getByLabel('Comment').fill(`${markup}\n${long}`);
  await approval.getByRole('button', { name: 'Reject' }).click();
  await expect(approval).toHaveCount(0);
  await visit(ines, promotion);
  await expect(card(ines, 'Journal')).toContainText(markup);
  await expectFits(ines);
});

test('addresses do not run and break nothing', async ({ open }) => {
  const page = await open(company, 'developer', { viewport: { width: 360, height: 740 } });
  for (const text of [markup, long, turned, '%', '\\', 'x'.repeat(3000)]) {
    const value = encodeURIComponent(text);
    for (const path of [
      `/search?q=${value}`,
      `/?q=${value}&team=${value}&state=${value}&page=${value}`,
      `/deployments?service=${value}&from=${value}&cause=${value}`,
      `/insights?days=${value}&team=${value}`,
      `/services?q=${value}&team=${value}`,
      `/services/cart?commit=${value}`,
      `/services/${value}`,
      `/promote?service=${value}`,
    ]) {
      const answer = await page.goto(path);
      expect([200, 400, 404, 422], path).toContain(answer?.status());
      await hydrated(page);
      await expect(page.getByRole('navigation', { name: 'Main, for thumbs' }), path).toBeVisible();
      await expectFitsOnPhoneAndDesk(page);
    }
  }
});

test('what an administrator and a pipeline send does not run and breaks nothing', async ({ open }) => {
  const page = await open(empty, undefined, { viewport: { width: 360, height: 740 } });
  await becomeAdministrator(page, empty);

  await test.step('names that would leave their place are refused and kept', async () => {
    await visit(page, '/settings/environments');
    await page.getByLabel('Name').fill('../production');
    await page.getByLabel('Title').fill(markup);
    await page.getByRole('button', { name: 'Add the environment' }).click();
    await expect(page.getByLabel('Name')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByLabel('Title')).toHaveValue(markup);
    await page.getByLabel('Name').fill('production');
    await page.getByRole('button', { name: 'Add the environment' }).click();
    await expect(card(page, markup)).toBeVisible();
  });

  await test.step('people', async () => {
    await visit(page, '/settings/people');
    await page.getByLabel('Name', { exact: false }).first().fill(long);
    await page.getByLabel('E-mail address').fill('w@larder.example');
    await page.getByRole('button', { name: /^Invite, and make/ }).click();
    await expect(page.getByRole('main')).toContainText(long);
    await expectFits(page);
  });

  await test.step('services: an address that would run is refused', async () => {
    await visit(page, '/add-service');
    await page.getByLabel('Name').fill('cart');
    await page.getByLabel('Team').fill('checkout');
    await page.getByLabel('What it is for').fill(markup);
    // The browser's own check takes it for an address.
    await page.getByLabel('Repository').fill('javascript:alert(3)');
    await page.getByRole('button', { name: /Add/ }).click();
    await expect(page.getByLabel('Repository')).toHaveAttribute('aria-invalid', 'true');
    await page.getByLabel('Repository').fill('https://git.example/cart');
    await page.getByRole('button', { name: /Add/ }).click();
    await expect(page).toHaveURL(/\/services\/cart$/);
    await expect(page.getByRole('main')).toContainText(markup);
  });

  await test.step('versions', async () => {
    const token = await makeToken(page, markup);
    const version = (text: string, link: string) => ({
      version: '1.0.0',
      image: 'registry.example/cart:1.0.0',
      commits: [{ hash: '8c1f02e4', author: text, title: text, committed_at: '2026-01-20T10:00:00Z' }],
      // A check's name has at most 120 characters.
      checks: [{ name: text.slice(0, 120), verdict: 'failed', link }],
    });
    const send = (body: unknown) => post(empty, token, '/services/cart/versions', body);
    expect((await send(version(turned, 'https://ci.example/1'))).status).toBe(422);
    expect((await send(version(markup, 'javascript:alert(4)'))).status).toBe(422);
    expect((await send(version(markup, 'https://ci.example/1'))).status).toBe(201);
    expect((await send({ ...version(long, 'https://ci.example/1'), version: '1.0.1' })).status).toBe(201);
    expect((await post(empty, token, '/services/none/versions/1/checks', { checks: [] })).status).toBe(404);
    const broken = await fetch(`${empty.url}/api/v1/services/cart/versions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"version": ',
    });
    expect(broken.status).toBe(400);
  });

  await test.step('every page bears it', async () => {
    for (const path of [
      '/',
      '/services',
      '/services/cart',
      '/services/cart/versions/1.0.0',
      '/services/cart/versions/1.0.1',
      '/services/cart/compare?from=1.0.0&to=1.0.1',
      '/promote?service=cart',
      '/audit',
      '/settings/environments',
      '/settings/tokens',
      '/settings/people',
    ]) {
      await visit(page, path);
      await expect(page.getByRole('heading', { level: 1 }), path).toHaveCount(1);
      await expectFitsOnPhoneAndDesk(page);
    }
  });
});

test('a double click asks once, and so do two copies of one form', async ({ open }) => {
  const theo = await open(company, 'developer');
  const asked = async (service: string) => {
    await visit(theo, `/promotions?service=${service}&environment=staging&state=live`);
    const live = await theo.locator('main tbody tr').count();
    await visit(theo, `/promotions?service=${service}&environment=staging&state=over`);
    return live + (await theo.locator('main tbody tr').count());
  };
  const before = await asked('recommendations');
  await visit(theo, '/promote?service=recommendations&environment=staging');
  await theo.getByLabel('Why?').fill('Fewer empty shelves');
  await card(theo, 'Ask for it').getByRole('button').dblclick();
  await expect(theo).toHaveURL(/\/promotions\/\d+$/);
  expect(await asked('recommendations')).toBe(before + 1);

  // As a browser without scripting sends them.
  const former = await asked('cart');
  await visit(theo, '/promote?service=cart&environment=staging');
  const form = Object.fromEntries(
    await card(theo, 'Ask for it')
      .locator('input[type="hidden"]')
      .evaluateAll(inputs => inputs.map(input => [input.getAttribute('name') ?? '', input.getAttribute('value') ?? ''])),
  );
  const send = () =>
    theo.request.post('/do/request_promotion', {
      form: { ...form, reason: 'Twice' },
      headers: { accept: 'text/html', origin: company.url },
      maxRedirects: 0,
    });
  const [one, two] = await Promise.all([send(), send()]);
  expect(one.headers()['location']).toMatch(/\/promotions\/\d+$/);
  expect(two.headers()['location']).toBe(one.headers()['location']);
  expect(await asked('cart')).toBe(former + 1);
});

test('a second tap after an approval does not approve the next promotion', async ({ open, start }) => {
  const company = await start({ command: 'demo' });
  const ines = await open(company, 'product owner', { viewport: { width: 390, height: 844 }, hasTouch: true });
  await visit(ines, '/approvals');
  const approvals = ines.getByRole('article');
  const count = await approvals.count();
  expect(count).toBeGreaterThan(1);
  const first = approvals.first().getByRole('button', { name: /^Approve / });
  const next = approvals.nth(1).getByRole('button', { name: /^Approve / });
  const label = (await next.textContent()) ?? '';
  // Every state of the next one's button, from the tap on: it must have been held when the list closed up.
  await next.evaluate(button => {
    const held: boolean[] = [];
    const card = button.closest('article')?.parentElement;
    new MutationObserver(() => held.push((button as HTMLButtonElement).disabled)).observe(card ?? button, {
      attributes: true,
      childList: true,
      subtree: true,
    });
    Object.assign(window, { held });
  });
  await first.click();
  await expect(approvals).toHaveCount(count - 1);
  expect(await ines.evaluate(() => (window as { held?: boolean[] }).held)).toContain(true);
  // And it lives again.
  await expect(ines.getByRole('button', { name: label.trim() })).toBeEnabled();
});
