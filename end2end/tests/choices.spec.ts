// What a person has chosen stays when the page is drawn again: because something else has happened meanwhile, or
// because what was sent is refused. Until it is drawn again it stays in use.
import { card, expect, Slipway, test, visit, type Page } from '../lib/test.ts';

let slipway: Slipway;

test.beforeAll(async () => {
  slipway = await Slipway.start({ command: 'demo' });
});

test.afterAll(async () => {
  await slipway[Symbol.asyncDispose]();
});

test('what was chosen and typed stays while others ask for the same place', async ({ open }) => {
  const theo = await open(slipway, 'developer');
  await visit(theo, '/promote?service=cart&environment=production');
  const version = theo.getByLabel('Version', { exact: true });
  const [first = '', second = ''] = await version.locator('option').evaluateAll(options =>
    options.map(option => (option as HTMLOptionElement).value),
  );
  const ask = async (label: string) => {
    await visit(theo, `/promote?service=cart&environment=production&version=${label}`);
    await expect(version).toHaveValue(label);
    await theo.getByLabel('Why?').fill(`Wanted: ${label}`);
    await card(theo, 'Ask for it').getByRole('button').click();
    await expect(theo).toHaveURL(/\/promotions\/\d+$/);
  };
  await ask(first);

  // Come by a link, the browser itself makes the page; loaded, the server has written it.
  const rosa = await open(slipway, 'release manager');
  const here = card(rosa, 'Already here').getByRole('listitem');
  const instead = rosa.getByLabel('Take the place of what is already here');
  await visit(rosa, `/promote?service=cart&environment=production&version=${second}`);
  await expect(here).toHaveCount(1);
  await expect(instead).not.toBeChecked();
  await instead.check();
  await rosa.getByLabel('Why?').fill('Not the other one');
  await ask(second);
  await expect(here).toHaveCount(2);
  await expect(instead).toBeChecked();
  await expect(rosa.getByLabel('Version', { exact: true })).toHaveValue(second);
  await expect(rosa.getByLabel('Why?')).toHaveValue('Not the other one');

  // And back: what was unticked is not ticked again, and another version is asked about by choosing it.
  await instead.uncheck();
  await rosa.getByLabel('Version', { exact: true }).selectOption(first);
  await expect(rosa).toHaveURL(new RegExp(`version=${first.replaceAll('.', '\\.')}`));
  await expect(rosa.getByLabel('Version', { exact: true })).toHaveValue(first);
  await expect(instead).not.toBeChecked();
});

test('what was chosen from a list does not turn into its neighbour', async ({ open }) => {
  const rosa = await open(slipway, 'release manager');
  const other = await open(slipway, 'release manager');
  const incident = async (page: Page, title: string) => {
    await page.getByText('Open an incident').first().click();
    await page.getByLabel('What happened').fill(title);
  };
  await visit(rosa, '/incidents');
  await incident(rosa, 'Nothing is found');
  const service = rosa.getByLabel('Service', { exact: true });
  await service.selectOption('search');
  await rosa.getByLabel('How bad').selectOption('critical');
  await rosa.getByLabel('The last deployment there caused it').check();

  // A service that stands before all others in the list, and news that bring the list again.
  await visit(other, '/add-service');
  await other.getByLabel('Name', { exact: true }).fill('aardvark');
  await other.getByLabel('Team', { exact: true }).fill('catalogue');
  await other.getByRole('button', { name: 'Add the service' }).click();
  await expect(other.getByRole('heading', { level: 1, name: 'aardvark' })).toBeVisible();
  await visit(other, '/incidents');
  await incident(other, 'Another one');
  await other.getByRole('button', { name: 'Open the incident' }).click();

  await expect(rosa.getByRole('main')).toContainText('Another one');
  await expect(service.locator('option').first()).toHaveText('aardvark');
  await expect(service).toHaveValue('search');
  await expect(rosa.getByLabel('How bad')).toHaveValue('critical');
  await expect(rosa.getByLabel('The last deployment there caused it')).toBeChecked();
  await expect(rosa.getByLabel('What happened')).toHaveValue('Nothing is found');
});

test('a strategy that is refused stays as it was chosen', async ({ open }) => {
  const rosa = await open(slipway, 'release manager');
  for (const load of [true, false]) {
    await visit(rosa, '/services/search/targets/staging');
    if (!load) {
      // Another page and back by links: this one is made in the browser.
      await rosa.getByRole('link', { name: 'search', exact: true }).first().click();
      await expect(rosa.getByRole('heading', { level: 1, name: 'search', exact: true })).toBeVisible();
      await rosa.goBack();
    }
    const form = card(rosa, 'Strategy');
    await expect(form.getByRole('radio', { name: 'Rolling' })).toBeChecked();
    await expect(form.getByLabel('What moves the traffic')).toHaveValue('http_route');
    await form.getByText('Blue-green', { exact: true }).click();
    await form.getByLabel('What moves the traffic').selectOption('selector');
    await form.getByLabel('Service').fill('search');
    await form.getByLabel('Steps').fill('soon');
    await form.getByRole('button', { name: 'Save the strategy' }).click();
    await expect(form).toContainText("'soon' is no step");
    await expect(form.getByRole('radio', { name: 'Blue-green' })).toBeChecked();
    await expect(form.getByRole('radio', { name: 'Rolling' })).not.toBeChecked();
    await expect(form.getByLabel('What moves the traffic')).toHaveValue('selector');
    await expect(form.getByLabel('Steps')).toHaveValue('soon');
  }
});

test('a page can be used while newer data is on its way', async ({ open }) => {
  const rosa = await open(slipway, 'release manager');
  const other = await open(slipway, 'release manager');
  await visit(rosa, '/services/cart/roll-back?environment=production');

  // News come. What the page asks for comes at once, and what the frame around it asks for does not.
  let answer = () => {};
  const held = new Promise<void>(resolve => {
    answer = resolve;
  });
  await rosa.route('**/do/frame', async route => {
    await held;
    await route.continue();
  });
  const came = rosa.waitForResponse('**/do/rollback_view');
  await visit(other, '/services/search/roll-back?environment=production');
  await other.getByLabel('Why?').fill('Nothing is found');
  await other.getByRole('button', { name: /^Roll search back/ }).click();
  await (await came).finished();

  // What was shown is still there to be used, and answers.
  const send = rosa.getByRole('button', { name: /^(Roll cart back|Abort promotion)/ });
  await rosa.getByLabel('Why?').fill(' ');
  await send.click();
  await expect(rosa.getByRole('main').locator('.field-error')).toBeVisible();
  answer();
  await rosa.getByLabel('Why?').fill('Prices are wrong');
  await send.click();
  await expect(rosa).toHaveURL(/\/promotions\/\d+$/);
});
