// A company that has a cluster already: connect it, take over what runs there, promote to it, survive a
// power cut in the middle, and see what others do with kubectl. On a real control plane only.
import { becomeAdministrator, makeToken, post } from '../lib/administrator.ts';
import { Cluster } from '../lib/cluster.ts';
import { card, cell, expect, headline, test, visit } from '../lib/test.ts';

const image = (name: string, tag: string) => `registry.example/${name}:${tag}`;
/** Pods of an image with such a digest take 8 s to become ready. */
const slow = `sha256:bad7${'c'.repeat(60)}`;
const rollout = { timeout: 60_000 };
/** As a managed cluster hands it out. */
const eks = JSON.stringify({
  'current-context': 'eks',
  clusters: [{ name: 'eks', cluster: { server: 'https://eks.example' } }],
  contexts: [{ name: 'eks', context: { cluster: 'eks', user: 'eks' } }],
  users: [{ name: 'eks', user: { exec: { command: 'aws', args: ['eks', 'get-token'] } } }],
});

test('a cluster that is there already is connected, taken over and promoted to', async ({ open, start }) => {
  test.setTimeout(120_000);
  const cluster = new Cluster();
  await cluster.create('production', { shop: image('shop', '1.0.0'), mailer: image('mailer', '4.1.0') });
  const slipway = await start({ command: 'run' });
  const page = await open(slipway);
  await becomeAdministrator(page, slipway);
  const namespace = `${cluster.prefix}production`;

  await test.step('a kubeconfig that runs a program is refused with what to do instead', async () => {
    await visit(page, '/settings/clusters');
    await page.locator('summary').filter({ hasText: 'By a kubeconfig' }).click();
    const form = page.locator('form').filter({ has: page.getByLabel('Kubeconfig', { exact: true }) });
    await form.getByLabel(/^Name(?!spaces)/).fill('eu-1');
    await form.getByLabel('Kubeconfig', { exact: true }).fill(eks);
    await form.getByRole('button', { name: 'Connect the cluster' }).click();
    await expect(form).toContainText('exec');
    await expect(page.getByRole('main')).toContainText('create token slipway');
  });

  await test.step('by a token it is connected, and the connection is tested', async () => {
    await visit(page, '/settings/clusters');
    await page.locator('summary').filter({ hasText: 'By a kubeconfig' }).click();
    const form = page.locator('form').filter({ has: page.getByLabel('Kubeconfig', { exact: true }) });
    await form.getByLabel(/^Name(?!spaces)/).fill('eu-1');
    await form.getByLabel('Kubeconfig', { exact: true }).fill(await cluster.kubeconfig());
    await form.getByLabel('Namespaces').fill(namespace);
    await form.getByRole('button', { name: 'Connect the cluster' }).click();
    await expect(card(page, 'eu-1')).toBeVisible();
    await visit(page, '/settings/clusters/eu-1');
    await page.getByRole('button', { name: 'Test the connection' }).click();
    await expect(card(page, 'eu-1')).toContainText('every permission is there');
  });

  await test.step('what runs becomes services in one go', async () => {
    await visit(page, '/settings/environments');
    await page.getByLabel('Name').fill('production');
    await page.getByLabel('Title').fill('Production');
    await page.getByLabel('eu-1').check();
    // Who is alone here has nobody to ask.
    await page.getByLabel('Who must approve').selectOption('0');
    await page.getByRole('button', { name: 'Add the environment' }).click();
    await expect(card(page, 'Production')).toContainText('eu-1');
    await visit(page, '/settings/clusters/eu-1');
    await page.getByRole('link', { name: 'Take over what runs' }).click();
    for (const name of ['shop', 'mailer']) {
      await page.getByLabel(`Take over ${namespace}/${name}`).check();
      await page.getByLabel(`Team of ${namespace}/${name}`).fill('checkout');
    }
    await page.getByRole('button', { name: 'Take over what is ticked' }).click();
    await expect(page.getByText('2 services, 2 targets and 2 first versions were made.')).toBeVisible();
    await visit(page, '/');
    await expect(cell(page, 'shop', 'Production').getByRole('link', { name: '1.0.0' })).toBeVisible();
  });

  await test.step('a promotion goes on after a power cut, and the cluster has it', async () => {
    const token = await makeToken(page, 'shop-ci');
    const version = { version: '1.1.0', image: image('shop', '1.1.0'), digest: slow };
    expect((await post(slipway, token, '/services/shop/versions', version)).status).toBe(201);
    await visit(page, '/promote?service=shop&environment=production');
    await page.getByLabel('Why?').fill('It is Friday');
    await card(page, 'Ask for it').getByRole('button').click();
    await expect(page).toHaveURL(/\/promotions\/\d+$/);
    const promotion = page.url();
    await expect(headline(page)).toContainText(/rolling out/, rollout);
    // A browser notes a lost connection as an error, which here is none.
    await page.goto('about:blank');
    await slipway.kill();
    await slipway.restart();
    await visit(page, promotion);
    await expect(headline(page)).toHaveText('done', rollout);
    await expect(card(page, 'Journal').getByText('Rolling out')).toHaveCount(1);
    const { metadata, spec } = await cluster.deployment('production', 'shop');
    expect(spec.template.spec.containers[0]?.image).toBe(`${image('shop', '1.1.0')}@${slow}`);
    expect(metadata.annotations['slipway.dev/sequence']).toBe('1');
    // The first rollout and the one of the promotion: nothing was applied twice.
    expect(metadata.annotations['deployment.kubernetes.io/revision']).toBe('2');
  });

  await test.step('what somebody does with kubectl is on the Board by itself', async () => {
    await visit(page, '/');
    await cluster.setImage('production', 'mailer', 'mailer', image('mailer', 'debug'));
    await expect(cell(page, 'mailer', 'Production')).toContainText('debug', rollout);
    await expect(cell(page, 'mailer', 'Production')).toContainText(/not by Slipway/, rollout);
  });
  await cluster.clear();
});
