// How versions are judged: where the numbers come from, and the rules.
import { becomeAdministrator } from '../lib/administrator.ts';
import { card, expect, test, visit } from '../lib/test.ts';

test('where a cluster counts requests is set, tested and removed, and its token is never shown', async ({
  open,
  start,
}) => {
  const slipway = await start({ command: 'run' });
  const page = await open(slipway);
  await becomeAdministrator(page, slipway);
  await visit(page, '/settings/clusters');
  const connect = page.locator('form').filter({ has: page.getByLabel('API server') });
  await connect.getByLabel(/^Name(?!spaces)/).fill('eu-1');
  await connect.getByLabel('API server').fill('https://10.0.0.1:6443');
  await connect.getByLabel('Token').fill('cluster-token');
  await connect.getByRole('button', { name: 'Connect the cluster' }).click();
  await expect(card(page, 'eu-1')).toBeVisible();

  await visit(page, '/settings/clusters/eu-1');
  const metrics = card(page, 'Metrics');
  await expect(metrics).toContainText('judged by their pods alone');
  await metrics.getByLabel('Address of Prometheus').fill('https://10.0.0.5');
  await metrics.getByText('By a bearer token', { exact: true }).click();
  await metrics.getByRole('button', { name: 'Save the metric source' }).click();
  await expect(metrics).toContainText('this is needed');
  await metrics.getByLabel(/^Token/).fill('metrics-canary-4711');
  await metrics.getByRole('button', { name: 'Save the metric source' }).click();
  await expect(metrics).toContainText('add it to outgoing_allow to permit it');
  await metrics.getByLabel('Address of Prometheus').fill('https://prometheus.invalid');
  await metrics.getByRole('button', { name: 'Save the metric source' }).click();
  await expect(metrics.getByRole('button', { name: 'Test the metrics' })).toBeVisible();

  await metrics.getByLabel('Test it').selectOption('envoy_gateway');
  await metrics.getByRole('button', { name: 'Test the metrics' }).click();
  await expect(metrics).toContainText('It does not answer');
  await visit(page, '/settings/clusters/eu-1');
  expect(await page.content()).not.toContain('metrics-canary-4711');
  await expect(metrics.getByLabel('Address of Prometheus')).toHaveValue('https://prometheus.invalid');
  await visit(page, '/audit');
  await expect(page.getByRole('main')).toContainText('set the metric source of eu-1');
  expect(await page.content()).not.toContain('metrics-canary-4711');

  await visit(page, '/settings/clusters/eu-1');
  await metrics.locator('summary').filter({ hasText: 'Remove the metrics' }).click();
  await page.getByRole('button', { name: 'Remove the metric source' }).click();
  await expect(metrics).toContainText('judged by their pods alone');
});

test('a rule is changed for one service here, refused where it cannot be, and taken back', async ({ open, start }) => {
  const slipway = await start({ command: 'demo' });
  const rosa = await open(slipway, 'release manager');
  await visit(rosa, '/services/images/targets/production');
  await card(rosa, 'Rules').getByRole('link').click();
  const table = card(rosa, 'In force');
  const row = table.getByRole('row').filter({ hasText: 'error-rate' });
  await expect(row).toContainText('as it comes');
  await expect(table).toContainText('all of these are judged');
  await row.getByRole('link', { name: 'Change error-rate' }).click();
  const form = card(rosa, 'Change error-rate');
  await expect(form.getByLabel('Takes back beyond (%)')).toBeVisible();
  await expect(form).toContainText('When it is often enough. Now 5 %.');
  // Who may not change what many services go by sees so.
  await expect(form.getByLabel(/^Production/)).toBeDisabled();
  await form.getByLabel('Takes back beyond').fill('0.5');
  await form.getByRole('button', { name: 'Save the rule' }).click();
  await expect(form).toContainText('the warning limit must be reached before the breach limit');
  await expect(form.getByLabel('Takes back beyond')).toHaveValue('0.5');
  await form.getByLabel('Takes back beyond').fill('3');
  await form.getByLabel('Times beyond it').fill('two');
  await form.getByRole('button', { name: 'Save the rule' }).click();
  await expect(form).toContainText("'two' is not a number");
  await form.getByLabel('Times beyond it').fill('2');
  await form.getByRole('button', { name: 'Save the rule' }).click();
  await expect(rosa.getByText('Saved: the rule error-rate.')).toBeVisible();
  await expect(row).toContainText('above 3 % 2 times in a row takes it back');
  await expect(form).toContainText('When it is often enough. Now 3 %.');
  await expect(row).toContainText('images in Production');

  const health = card(rosa, 'Health check');
  await health.getByLabel('Address').fill('http://localhost/');
  await health.getByRole('button', { name: 'Save the health check' }).click();
  await expect(health).toContainText('allow list');
  await health.getByLabel('Address').fill('https://images.example');
  await health.getByRole('button', { name: 'Save the health check' }).click();
  await expect(health).toContainText('GET https://images.example/health must be answered with 200 to 299 within 5 s');

  await expect(rosa.getByText('Saved: the health check.')).toBeVisible();

  const leads = card(rosa, 'What it leads to');
  await leads.getByLabel('A breach after the end').selectOption('roll_back');
  await leads.getByRole('button', { name: 'Save what it leads to' }).click();
  await expect(leads).toContainText('starts a rollback by itself');

  const said = card(rosa, 'Who has said what');
  await said.getByRole('button', { name: 'Take back error-rate of images in Production' }).click();
  await expect(row).toContainText('as it comes');
});

test('rules by which nothing is judged say so', async ({ open, start }) => {
  const slipway = await start({ command: 'demo' });
  const rosa = await open(slipway, 'release manager');
  await visit(rosa, '/services/cart/targets/staging');
  await card(rosa, 'Rules').getByRole('link').click();
  const table = card(rosa, 'In force');
  await expect(table).toContainText('nothing is judged here now');
  await expect(table.getByRole('row').filter({ hasText: 'restarts' })).toContainText('Staging does not watch');
});
