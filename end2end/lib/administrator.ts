// An empty Slipway's first administrator.
import { expect, type Page, Slipway } from './test.ts';

export const administrator = {
  name: 'Ada Brandt',
  email: 'ada@larder.example',
  password: 'four words are quite good',
};

/** Becomes the first administrator by the link that the server printed; ends on the Board. */
export async function becomeAdministrator(page: Page, slipway: Slipway): Promise<void> {
  await page.goto(slipway.link(/first administrator/));
  await page.getByLabel('Your name').fill(administrator.name);
  await page.getByLabel('E-mail address').fill(administrator.email);
  await page.getByLabel('Password').fill(administrator.password);
  await page.getByRole('button', { name: 'Begin' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Board' })).toBeVisible();
}

/** Makes an API token for a pipeline; its secret, which is shown this once. */
export async function makeToken(page: Page, name: string): Promise<string> {
  await page.goto('/settings/tokens');
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Make the token' }).click();
  const shown = page.locator('.notice').filter({ hasText: 'shown this once' });
  return (await shown.locator('code').first().textContent())?.trim() ?? '';
}

/** What a pipeline sends. */
export async function post(slipway: Slipway, token: string, path: string, body: unknown): Promise<Response> {
  return fetch(`${slipway.url}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}
