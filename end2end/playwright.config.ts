// How the browser tests run. `cargo xtask test --only browser` sets the environment read here.
//
// Specifications lie in `tests/`; those in `tests/plain/` run with scripting switched off, and the story
// runs twice: with nothing outside of the process, and on the real control plane and PostgreSQL.
import { defineConfig } from '@playwright/test';
import type { Ground } from './lib/slipway.ts';

// As root, Chromium's own sandbox cannot be set up; the rest keeps it from calling out.
const flags = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-gpu',
  '--disable-quic',
  '--disable-sync',
  '--no-first-run',
];
if (process.getuid?.() === 0) flags.push('--no-sandbox');

export default defineConfig<object, { ground: Ground }>({
  testDir: 'tests',
  outputDir: 'test-results',
  // One file is one story told in order on servers of its own; files do not share anything.
  fullyParallel: false,
  workers: 2,
  retries: 0,
  forbidOnly: true,
  timeout: 90_000,
  // A slow machine that compiles beside it must not fail a test that waits for the right thing.
  expect: { timeout: 20_000 },
  reporter: [
    ['list'],
    ...(process.env.SLIPWAY_TEST_REPORT
      ? [['json', { outputFile: process.env.SLIPWAY_TEST_REPORT }] as const]
      : []),
  ] as never,
  use: {
    browserName: 'chromium',
    launchOptions: { executablePath: process.env.SLIPWAY_TEST_CHROMIUM, args: flags },
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    screenshot: 'only-on-failure',
    trace: 'retain-on-failure',
  },
  projects: [
    { name: 'browser', testIgnore: ['plain/**', 'cluster.spec.ts'] },
    // What meets a database and a cluster, once more on PostgreSQL and the real control plane.
    {
      name: 'kubernetes',
      testMatch: ['story.spec.ts', 'empty.spec.ts', 'cluster.spec.ts'],
      use: { ground: 'outside' },
    },
    { name: 'without scripting', testMatch: 'plain/**', use: { javaScriptEnabled: false } },
  ],
});
