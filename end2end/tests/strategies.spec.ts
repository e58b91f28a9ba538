// Each other way in which a version takes over: beside the old one and switched as a whole, by Argo
// Rollouts, by a commit. Canaries have a specification of their own, and so have outside deployers.
import { card, expect, headline, Slipway, test, visit, type Page } from '../lib/test.ts';

let slipway: Slipway;

test.beforeAll(async () => {
  slipway = await Slipway.start({ command: 'demo' });
});

test.afterAll(async () => {
  await slipway[Symbol.asyncDispose]();
});

/** Pods are started and ended: a minute or two on a busy machine. */
const slowly = { timeout: 180_000 };

/** The product owner approves what waits for production. */
async function approve(page: Page, service: string): Promise<void> {
  await visit(page, `/promotions?service=${service}&environment=production`);
  await page.locator('tbody a').first().click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText(service);
  await page.getByRole('button', { name: /^Approve / }).click();
}

test('blue-green: the preview is there before anyone is sent to it, and all are sent at once', async ({ open }) => {
  test.setTimeout(300_000);
  const ines = await open(slipway, 'product owner');
  await approve(ines, 'slots');
  const rosa = await open(slipway, 'release manager');
  await visit(rosa, ines.url());
  const traffic = card(rosa, 'Traffic');
  const pods = card(rosa, 'Pods');
  await expect(traffic).toContainText('blue-green by Service slots');
  await expect(pods).toContainText('production/slots-preview', slowly);
  await expect(headline(rosa)).toContainText('blue-green without traffic', slowly);
  await expect(headline(rosa)).toContainText('blue-green at 100 %', slowly);
  await expect(headline(rosa)).toHaveText('done', slowly);
  await expect(pods).not.toContainText('slots-preview');
  // Once the workload has the version, it is what everybody gets.
  await expect(traffic).toContainText('100 % when it ended');
  const journal = card(rosa, 'Journal');
  for (const line of [/100 % of the traffic/, /the candidate is removed/, /Done/]) {
    await expect(journal).toContainText(line);
  }
});

test('a Rollout goes through its own steps, and is let go on from here', async ({ open }) => {
  test.setTimeout(300_000);
  const ines = await open(slipway, 'product owner');
  await approve(ines, 'identity');
  const rosa = await open(slipway, 'release manager');
  await visit(rosa, ines.url());
  await expect(headline(rosa)).toContainText('Argo Rollouts: step 4 of 4 (Go on?), 50 %', slowly);
  await expect(card(rosa, 'Traffic')).toContainText('by Argo Rollouts (Rollout identity)');
  await rosa.getByRole('button', { name: 'Go on' }).click(slowly);
  await expect(headline(rosa)).toHaveText('done', slowly);
  await expect(card(rosa, 'Journal')).toContainText('Done');
});

test('a version that lives in Git is committed there, brought by the tool in charge, and set back by a commit', async ({
  open,
}) => {
  test.setTimeout(300_000);
  const rosa = await open(slipway, 'release manager');
  await visit(rosa, '/services/routing/targets/production');
  const place = card(rosa, 'In a Git repository');
  await place.getByRole('button', { name: 'Read the fields now' }).click();
  await expect(place).toContainText('It can be read');

  // A rollback is a promotion that waits for nobody, and a commit like any other.
  const rollBack = async (why: string): Promise<void> => {
    await visit(rosa, '/services/routing/roll-back?environment=production');
    await rosa.getByLabel('Why?').fill(why);
    await rosa.getByRole('button', { name: /^Roll routing back/ }).click();
    await expect(rosa).toHaveURL(/\/promotions\/\d+$/);
  };
  const commits = card(rosa, 'In Git').getByRole('listitem');
  await rollBack('Vans meet at one door');
  await expect(headline(rosa)).toContainText(/waits for Argo CD to bring commit [0-9a-f]{9}/, slowly);
  await expect(commits).toHaveText([/sets \d+\.\d+\.\d+ /]);
  await expect(headline(rosa)).toHaveText(/^done/, slowly);
  await expect(commits).toHaveCount(1);

  await rollBack('And once more');
  await expect(headline(rosa)).toContainText('waits for Argo CD', slowly);
  await rosa.locator('summary').filter({ hasText: 'Abort, and take back' }).click();
  await rosa.getByLabel('Why?').locator('visible=true').fill('The wrong version');
  await rosa.getByRole('button', { name: 'Abort, and take back' }).locator('visible=true').click();
  await expect(headline(rosa)).toContainText('aborted by Rosa Mint', slowly);
  await expect(commits).toHaveText([/sets \d/, /sets back \d/]);
});

test('where a version lives in a repository is set, tried and taken away, and its token is never shown', async ({
  open,
}) => {
  const rosa = await open(slipway, 'release manager');
  await visit(rosa, '/services/mailer/targets/staging');
  const form = card(rosa, 'In a Git repository');
  await form.locator('summary').filter({ hasText: 'Commit the version to a repository' }).click();
  await form.getByLabel('Repository', { exact: true }).fill('http://git.larder.example/deploy.git');
  await form.getByLabel('File').fill('apps/mailer/kustomization.yaml');
  await form.getByLabel('Fields that say the version').fill('images[name=mailer].newTag');
  await form.getByLabel(/^Token/).fill('a-token-of-the-tests');
  await form.getByRole('button', { name: 'Save where the version lives' }).click();
  await expect(form).toContainText('use https for git.larder.example');
  await expect(form.getByLabel('File')).toHaveValue('apps/mailer/kustomization.yaml');

  await form.getByLabel('Repository', { exact: true }).fill('https://git.larder.example/deploy.git');
  await form.getByLabel(/^Token/).fill('a-token-of-the-tests');
  await form.getByRole('button', { name: 'Save where the version lives' }).click();
  await expect(form.getByRole('button', { name: 'Read the fields now' })).toBeVisible();
  await expect(rosa.getByText('Saved: versions are committed to the repository.')).toBeInViewport();
  await visit(rosa, '/services/mailer/targets/staging');
  expect(await rosa.content()).not.toContain('a-token-of-the-tests');
  await expect(form.getByLabel('Repository', { exact: true })).toHaveValue('https://git.larder.example/deploy.git');
  await form.getByRole('button', { name: 'Read the fields now' }).click();
  await expect(form).toContainText('It cannot be read', slowly);

  await form.locator('summary').filter({ hasText: 'Set it in the cluster again' }).click();
  await form.getByRole('button', { name: 'Set it in the cluster again' }).click();
  await expect(form.getByRole('button', { name: 'Read the fields now' })).toHaveCount(0);
  await expect(rosa.getByText('Saved: versions are set in the cluster.')).toBeVisible();
});
