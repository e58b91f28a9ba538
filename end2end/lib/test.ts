// The `test` that every specification uses: pages on which an error in the console fails the test, what
// is looked at on a page, and the check for accessibility.
import { AxeBuilder } from '@axe-core/playwright';
import {
  test as base,
  expect,
  type BrowserContext,
  type BrowserContextOptions,
  type ConsoleMessage,
  type Locator,
  type Page,
} from '@playwright/test';
import { Slipway, type Ground, type Options, type Who } from './slipway.ts';

export { expect, Slipway };
export type { Locator, Page };

/** Opens a page of a server in a browser of its own, as somebody of the sample company or as nobody. */
export type Open = (slipway: Slipway, who?: Who, options?: BrowserContextOptions) => Promise<Page>;

/** Starts a server for this test alone. */
export type Start = (options: Options) => Promise<Slipway>;

export const test = base.extend<{ complaints: string[]; start: Start; open: Open }, { ground: Ground }>({
  /** What servers stand on: each project of the configuration says it. */
  ground: ['inside', { option: true, scope: 'worker' }],

  /** What the browser complained about: errors, warnings of hydration, refusals of the CSP. */
  complaints: async ({}, use) => use([]),

  start: async ({ ground }, use, info) => {
    const servers: Slipway[] = [];
    await use(async options => {
      const slipway = await Slipway.start({ on: ground, ...options });
      servers.push(slipway);
      return slipway;
    });
    for (const slipway of servers) {
      await slipway[Symbol.asyncDispose]();
      if (info.status !== info.expectedStatus) await info.attach('what the server said', { body: slipway.output });
    }
  },

  // Servers that `start` started end after the pages that look at them: hence the dependence.
  open: async ({ browser, complaints, start: _ }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async (slipway, who, options = {}) => {
      const context = await browser.newContext({ baseURL: slipway.url, ...options });
      contexts.push(context);
      if (who) await context.addCookies([await slipway.session(who)]);
      const page = await context.newPage();
      listen(page, complaints);
      return page;
    });
    for (const context of contexts) await context.close();
    expect(complaints, 'the browser complained').toEqual([]);
  },
});

function listen(page: Page, complaints: string[]): void {
  page.on('console', message => {
    if (isComplaint(message)) complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on('pageerror', error => complaints.push(`${page.url()}: ${error.message}`));
  // A script that was typed into a field and runs would speak up by this.
  page.on('dialog', async dialog => {
    complaints.push(`${page.url()}: a dialog said ${dialog.message()}`);
    await dialog.dismiss();
  });
}

/** The browser notes each answer of 4xx as an error; for pages and forms that is the answer asked for. */
function isComplaint(message: ConsoleMessage): boolean {
  const isRefusal =
    /^Failed to load resource: the server responded with a status of 4/.test(message.text()) &&
    !message.location().url.includes('/assets/');
  return (message.type() === 'error' && !isRefusal) || /hydrat/i.test(message.text());
}

/** Waits until the browser half has taken the page over. */
export async function hydrated(page: Page): Promise<void> {
  await page.waitForFunction(() => document.documentElement.dataset.hydrated === 'true');
}

/** Goes to a page and waits until it is alive. */
export async function visit(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await hydrated(page);
}

/** A card by its title. */
export function card(page: Page, title: string): Locator {
  return page.getByRole('region', { name: title, exact: true });
}

/** A service's cell on the Board. */
export function cell(page: Page, service: string, environment: string): Locator {
  const name = page.getByRole('link', { name: service, exact: true });
  return page.getByRole('row').filter({ has: name }).locator(`td[data-label="${environment}"]`);
}

/** The state in the head of a promotion's page. */
export function headline(page: Page): Locator {
  return page.locator('.page-head .state-pill');
}

/** The window of a computer on a desk. */
export const desk = { width: 1360, height: 900 };
/** The window of the smallest phone that is looked after. */
export const phone = { width: 360, height: 740 };

/** Expects that nothing makes the page wider than its window. */
export async function expectFits(page: Page): Promise<void> {
  const [needed, there] = await page.evaluate(() => {
    const root = document.documentElement;
    return [root.scrollWidth, root.clientWidth] as const;
  });
  expect.soft(needed, `the width of ${page.url().slice(0, 200)}`).toBeLessThanOrEqual(there);
}

/** Expects the same of a phone's window and of a desk's; the page is left on the phone. */
export async function expectFitsOnPhoneAndDesk(page: Page): Promise<void> {
  for (const viewport of [desk, phone]) {
    await page.setViewportSize(viewport);
    await expectFits(page);
  }
}

/** Expects that axe finds nothing against WCAG 2.2 AA on the page as it is, by all rules or these. */
export async function expectAccessible(page: Page, rules: string[] = []): Promise<void> {
  const runOnly = rules.length > 0 ? rules : ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
  // What passed need not be described. There are no frames within a page: one run sees all of it.
  const axe = new AxeBuilder({ page }).options({ runOnly, resultTypes: ['violations'] }).setLegacyMode();
  const { violations } = await axe.analyze();
  const found = violations.flatMap(violation =>
    violation.nodes.map(node => `${violation.id}: ${node.target.join(' ')}: ${node.failureSummary}`),
  );
  expect.soft(found, `axe on ${page.url()}`).toEqual([]);
}
