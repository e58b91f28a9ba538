// An empty Slipway leads by the hand: the first administrator, an environment, a token, a version.
import { administrator, becomeAdministrator, makeToken, post } from '../lib/administrator.ts';
import { card, cell, expect, expectAccessible, expectFits, test, visit } from '../lib/test.ts';

test('from the one-time link to the first version on the Board', async ({ open, start }) => {
  const slipway = await start({ command: 'run' });
  const page = await open(slipway);

  await test.step('without an administrator there is nothing to see but the way in', async () => {
    await page.goto('/');
    await expect(page).toHaveURL(/\/sign-in$/);
  });

  await test.step('a short password is refused, and what was typed stays', async () => {
    await page.goto(slipway.link(/first administrator/));
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('The first administrator');
    await page.getByLabel('Your name').fill(administrator.name);
    await page.getByLabel('E-mail address').fill(administrator.email);
    await page.getByLabel('Password').fill('short');
    await page.getByRole('button', { name: 'Begin' }).click();
    await expect(page.getByText('at least 12 characters')).toBeVisible();
    await expect(page.getByLabel('Your name')).toHaveValue(administrator.name);
  });

  await test.step('the link makes the first administrator, once', async () => {
    await becomeAdministrator(page, slipway);
    const other = await open(slipway);
    await other.goto(slipway.link(/first administrator/));
    await expect(other.getByRole('heading', { level: 1 })).toHaveText('This link is of no use any more');
  });

  await test.step('the empty Board leads to the first environment', async () => {
    await visit(page, '/');
    await expect(page.getByRole('main')).toContainText('Nothing to show yet');
    await page.getByRole('link', { name: 'Add an environment' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Environments');
    const chosen = (label: string) => page.getByLabel(label).locator('option:checked');
    await expect(chosen('Kind')).toHaveText('by its name, else development');
    await page.getByLabel('Name').fill('qa');
    await expect(chosen('Kind')).toHaveText('staging, by its name');
    await expect(chosen('Who must approve')).toHaveText('nobody, as usual for staging');
    await page.getByLabel('Name').fill('production');
    await expect(chosen('Kind')).toHaveText('production, by its name');
    await expect(chosen('Who must approve')).toHaveText('1 person, as usual for production');
    await page.getByLabel('Kind').selectOption('development');
    await expect(chosen('Who must approve')).toHaveText('nobody, as usual for development');
    await page.getByLabel('Kind').selectOption('');
    await page.getByLabel('Title').fill('Production');
    // Who is alone here has nobody to ask.
    await page.getByLabel('Who must approve').selectOption('0');
    await page.getByRole('button', { name: 'Add the environment' }).click();
    await expect(card(page, 'Production')).toContainText('production');
    await expect(card(page, 'Production')).toContainText('Starts without approval');
    await expect(card(page, 'Production')).toContainText('no cluster: deployed by others');
  });

  await test.step('then to clusters, services and pipelines', async () => {
    await visit(page, '/');
    const main = page.getByRole('main');
    await expect(main).toContainText('No services yet');
    await expect(main).toContainText('/api/v1/services/cart/versions');
    await expect(main.getByRole('link', { name: 'Connect a cluster' })).toBeVisible();
    await main.getByRole('link', { name: 'Add a service' }).click();
    await page.getByLabel('Name').fill('cart');
    await page.getByLabel('Team').fill('checkout');
    await main.getByRole('button', { name: /Add/ }).click();
    await expect(page).toHaveURL(/\/services\/cart$/);
    await expect(main).toContainText('No environment yet');
    await expect(main).toContainText('No version yet');
    // Another pipeline deploys there: a target without workloads.
    await visit(page, '/services/cart/targets/production');
    await page.getByRole('button', { name: 'Save the workloads' }).click();
    await expect(main).toContainText('Saved: the workloads of cart in production.');
    await visit(page, '/services/cart');
    await expect(card(page, 'Production')).toContainText('deployed by others, who report it');
  });

  await test.step('a pipeline reports a version and its deployment with a token', async () => {
    await visit(page, '/settings/tokens');
    await expect(page.getByRole('main')).toContainText('No token yet');
    const token = await makeToken(page, 'cart-ci');
    const version = {
      version: '1.0.0',
      image: 'registry.example/cart:1.0.0',
      digest: `sha256:${'a'.repeat(64)}`,
      commit: '8c1f02e4',
      commits: [{ hash: '8c1f02e4', author: 'Theo Lind', title: 'Begin', committed_at: '2026-01-20T10:00:00Z' }],
      checks: [{ name: 'unit tests', verdict: 'passed', counts: { tests_run: 412, tests_failed: 0 } }],
    };
    expect((await post(slipway, token, '/services/cart/versions', version)).status).toBe(201);
    expect((await post(slipway, token, '/services/cart/versions', version)).status).toBe(200);
    const other = { ...version, digest: `sha256:${'b'.repeat(64)}` };
    const conflict = await post(slipway, token, '/services/cart/versions', other);
    expect(conflict.status).toBe(409);
    expect(conflict.headers.get('content-type')).toContain('application/problem+json');
    const deployment = { service: 'cart', version: '1.0.0', environment: 'production', outcome: 'succeeded', key: 'job-1' };
    expect((await post(slipway, token, '/deployments', deployment)).status).toBe(201);

    // The secret is not shown again.
    await visit(page, '/settings/tokens');
    await expect(page.getByRole('main')).toContainText('cart-ci');
    await expect(page.getByText(token)).toHaveCount(0);
  });

  await test.step('the Board shows it', async () => {
    await visit(page, '/');
    await expect(cell(page, 'cart', 'Production').getByRole('link', { name: '1.0.0' })).toBeVisible();
    await visit(page, '/services/cart');
    await expect(card(page, 'Versions')).toContainText('Begin');
  });
});

test('signing out and in, and a wrong password', async ({ open, start }) => {
  const slipway = await start({ command: 'run' });
  await becomeAdministrator(await open(slipway), slipway);
  const page = await open(slipway);
  const enter = async (password: string) => {
    await page.getByLabel('E-mail address').fill(administrator.email);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  await page.goto('/settings/me');
  await enter('not the password');
  await expect(page.getByRole('alert')).toContainText('Not signed in');
  await expect(page.getByLabel('E-mail address')).toHaveValue(administrator.email);
  await enter(administrator.password);
  // Where one wanted to go.
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Me');
  await expect(page.getByRole('main')).toContainText(administrator.name);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page).toHaveURL(/\/sign-in$/);
  await page.goto('/');
  await expect(page).toHaveURL(/\/sign-in$/);
});

test('every page of an empty Slipway says what to do next, and is sound', async ({ open, start }) => {
  const empty = await start({ command: 'run' });
  const page = await open(empty, undefined, { viewport: { width: 360, height: 740 } });
  await becomeAdministrator(page, empty);
  const pages: [path: string, words: RegExp][] = [
    ['/approvals', /Nothing waits for you/],
    ['/services', /Add a service/],
    ['/promote', /No service to promote/],
    ['/promotions', /promot/i],
    ['/deployments', /Nothing was deployed yet/],
    ['/insights', /No deployment in this time/],
    ['/incidents', /incident/i],
    ['/audit', /Ada Brandt/],
    ['/settings/environments', /No environment yet/],
    ['/settings/clusters', /cluster/i],
    ['/settings/people', /Invite somebody/],
    ['/settings/tokens', /No token yet/],
    ['/settings/slack', /Slack/],
  ];
  for (const [path, words] of pages) {
    await visit(page, path);
    await expect.soft(page.getByRole('main'), path).toContainText(words);
    await expectFits(page);
    await expectAccessible(page);
  }
});
