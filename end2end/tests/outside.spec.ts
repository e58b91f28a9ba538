// A target that a program outside deploys: its form, its secret, a ping, and a promotion as it reports it.
import { card, expect, headline, Slipway, test, visit } from '../lib/test.ts';

let slipway: Slipway;

test.beforeAll(async () => {
  slipway = await Slipway.start({ command: 'demo' });
});

test.afterAll(async () => {
  await slipway[Symbol.asyncDispose]();
});

/** The stand-in takes half a minute; a busy machine takes longer. */
const deployed = { timeout: 120_000 };

test('a promotion goes as the deployer reports it, and an abort is told and waited for', async ({ open }) => {
  test.setTimeout(400_000);
  const rosa = await open(slipway, 'release manager');
  await visit(rosa, '/services/tracking/targets/production');
  const form = card(rosa, 'By your own deployer');
  await form.getByRole('button', { name: 'Send a ping' }).click();
  await expect(form).toContainText('It answers');

  // A rollback is a promotion that waits for nobody.
  const rollBack = async (why: string): Promise<void> => {
    await visit(rosa, '/services/tracking/roll-back?environment=production');
    await expect(rosa.getByRole('main')).toContainText('Your deployer is told to bring');
    await expect(rosa.getByRole('main')).not.toContainText(/images/i);
    await rosa.getByLabel('Why?').fill(why);
    await rosa.getByRole('button', { name: /^Roll tracking back/ }).click();
    await expect(rosa.getByRole('heading', { level: 1 })).toContainText('tracking');
  };
  await rollBack('Positions jump on the map');
  const work = card(rosa, 'Deployed by deployer.practice.invalid');
  await expect(work).toContainText('Webhook start');
  await expect(work).toContainText('answered 202', deployed);
  await expect(headline(rosa)).toContainText('machine 1 of 4 restarted', deployed);
  await expect(work).toContainText('Deadline');
  await expect(headline(rosa)).toHaveText(/^done/, deployed);
  const journal = card(rosa, 'Journal');
  for (const line of ['the deployer has the start', '50 %, machine 2 of 4', '4 of 4 machines run the version']) {
    await expect(journal).toContainText(line);
  }

  // What is stopped in the middle is brought back by the deployer, which says so.
  await rollBack('And once more');
  await expect(headline(rosa)).toContainText('machine 1 of 4 restarted', deployed);
  await rosa.locator('summary').filter({ hasText: 'Abort, and take back' }).click();
  await rosa.getByLabel('Why?').locator('visible=true').fill('The wrong version');
  await rosa.getByRole('button', { name: 'Abort, and take back' }).locator('visible=true').click();
  await expect(headline(rosa)).toContainText('taking back');
  await expect(headline(rosa)).toContainText('aborted by Rosa Mint', deployed);
  await expect(card(rosa, 'Journal')).toContainText('what ran before runs again');
  await expect(work).toContainText('Webhook abort');
});

test('a secret is shown once, and what cannot be called is refused with what was typed', async ({ open }) => {
  const rosa = await open(slipway, 'release manager');
  await visit(rosa, '/services/slots/targets/development');
  const form = card(rosa, 'By your own deployer');
  await form.getByLabel('Address for the start').fill('http://169.254.169.254/latest');
  await form.getByRole('button', { name: 'Save the deployer' }).click();
  await expect(form).toContainText('calls may not go to');
  await expect(form.getByLabel('Address for the start')).toHaveValue('http://169.254.169.254/latest');
  await form.getByLabel('Address for the start').fill('https://deploy.larder.example/slots');
  await form.getByLabel('Deadline in minutes').fill('10');
  await form.getByRole('button', { name: 'Save the deployer' }).click();
  await expect(rosa.getByText(/^whsec_/)).toBeInViewport();
  await visit(rosa, '/services/slots/targets/development');
  await expect(form.getByLabel('Deadline in minutes')).toHaveValue('10');
  await expect(rosa.getByText(/^whsec_/)).toHaveCount(0);
  await form.getByRole('button', { name: 'Make a new secret' }).click();
  await expect(rosa.getByText(/^whsec_/)).toBeVisible();
  await expect(form).toContainText('signs too until');
});

test('taking a target out of the cluster is agreed to first', async ({ open }) => {
  const rosa = await open(slipway, 'release manager');
  await visit(rosa, '/services/mailer/targets/staging');
  const form = card(rosa, 'By your own deployer');
  await form.getByLabel('Address for the start').fill('https://deploy.larder.example/mailer');
  await form.getByRole('button', { name: 'Save the deployer' }).click();
  await expect(form.getByLabel("Take the workloads out of Slipway's hands")).toBeFocused();
  await visit(rosa, '/services/mailer/targets/staging');
  await expect(form).toContainText('This target is in a cluster now');
});
