// The `test` that every specification uses: a page on which an error in the console fails the test,
// and the check for accessibility.
import { AxeBuilder } from '@axe-core/playwright';
import { test as base, expect, type Page } from '@playwright/test';

export { expect };

export const test = base.extend<{ complaints: string[] }>({
  /** What the browser complained about: errors, warnings of hydration, refusals of the CSP. */
  complaints: async ({}, use) => use([]),

  page: async ({ page, complaints }, use) => {
    page.on('console', message => {
      if (message.type() === 'error' || /hydrat/i.test(message.text())) {
        complaints.push(`${page.url()}: ${message.text()}`);
      }
    });
    page.on('pageerror', error => complaints.push(`${page.url()}: ${error.message}`));
    await use(page);
    expect(complaints, 'the browser complained').toEqual([]);
  },
});

/** Waits until the browser half has taken the page over. */
export async function hydrated(page: Page): Promise<void> {
  await page.waitForFunction(() => document.documentElement.dataset.hydrated === 'true');
}

/** Expects that axe finds nothing against WCAG 2.2 AA on the page as it is. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
    .analyze();
  const found = violations.flatMap(violation =>
    violation.nodes.map(node => `${violation.id}: ${node.target.join(' ')}: ${node.failureSummary}`),
  );
  expect(found, `axe on ${page.url()}`).toEqual([]);
}
