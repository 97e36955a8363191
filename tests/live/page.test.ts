// The page `/live` in headless Chromium, over the demo workspace of a real process: a visitor at the left, the agent at the right.
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page, Route } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { CHROMIUM, launchBrowser } from '../harness/browser.ts';
import { proven } from '../harness/proven.ts';
import { SECRET_KEY, spawnServer, startTestServer, type Started } from '../harness/server.ts';
import { spawned, type Spawned } from '../harness/spawned.ts';

if (!CHROMIUM) console.log('Skipped: no Chromium is here to show the page /live in (CHROMIUM_PATH names one).');
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** One dot. */
const PICTURE = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==', 'base64');
/** Of things that come by themselves; the machine may be busy. */
const SOON = { timeout: 20_000 };

let first: Spawned;
let server: Started;
let browser: Browser;
beforeAll(async () => {
  first = await spawned();
  server = first.server;
  if (CHROMIUM) browser = await launchBrowser();
}, 90_000);
afterAll(async () => {
  await browser?.close();
  server.kill('SIGKILL');
  await server.exited;
  await first.close();
}, 30_000);

let context: BrowserContext | null = null;
/** What the browser complained of: errors of the page, and what its policy refused. */
let complaints: string[] = [];
afterEach(async () => {
  await context?.close();
  context = null;
});

/** The page in a browser that has never been there, once the agent's side has come. */
async function open(colorScheme: 'light' | 'dark' = 'light'): Promise<Page> {
  context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme });
  const page = await context.newPage();
  complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => void (message.type() === 'error' && /Content Security Policy/.test(message.text()) && complaints.push(message.text())));
  await page.goto(`${server.address}/live`);
  await page.locator('.conversation .entry').first().waitFor(SOON);
  return page;
}

const entry = (page: Page, text: string) => page.locator('.conversation .entry', { hasText: text });
const line = (page: Page, text: string) => page.locator('.visitor li', { hasText: text });
const write = async (page: Page, box: string | RegExp, text: string) => {
  await page.getByLabel(box).fill(text);
  await page.getByLabel(box).press('Enter');
};

/** How often a text stands in the database. */
async function stored(text: string): Promise<number> {
  const [row] = await first.db.owner<{ count: number }[]>`select count(*)::int as count from message_parts where text = ${text}`;
  return row!.count;
}

test.skipIf(!CHROMIUM)('what the visitor writes stands on the agent’s timeline, and the answer in the chat', { timeout: 60_000 }, async () => {
  const page = await open();
  await page.getByLabel('Your name').fill('Nora Berg');
  await write(page, 'Your message', 'My teapot came without its lid.');
  // The desk opens the conversation by itself, under the name that was given.
  await entry(page, 'My teapot came without its lid.').waitFor(SOON);
  await page.getByRole('heading', { name: 'Nora Berg' }).waitFor(SOON);
  await page.locator('.inbox .row[aria-current]', { hasText: 'Nora Berg' }).waitFor(SOON);

  await write(page, /Your answer by Chat/, 'A lid leaves our workshop today.');
  await line(page, 'A lid leaves our workshop today.').waitFor(SOON);
  // It was optimistic for a moment; what stands there now is the message itself, which the visitor has seen.
  await entry(page, 'A lid leaves our workshop today.').filter({ hasText: 'Read' }).waitFor(SOON);
  expect(await entry(page, 'A lid leaves our workshop today.').count()).toBe(1);
  expect(await line(page, 'A lid leaves our workshop today.').count()).toBe(1);

  // By a process of its own, and a browser: how long what is written left takes to stand right.
  let slowestMs = 0;
  for (let n = 1; n <= 5; n++) {
    const began = performance.now();
    await write(page, 'Your message', `And another thing, ${n}.`);
    await entry(page, `And another thing, ${n}.`).waitFor(SOON);
    slowestMs = Math.max(slowestMs, performance.now() - began);
  }
  if (process.env.VERIFY) expect(slowestMs).toBeLessThan(1_000);
  proven({ appearedMsMax: Math.round(slowestMs) });

  await page.getByLabel('Send a file').setInputFiles({ name: 'teapot.png', mimeType: 'image/png', buffer: PICTURE });
  const picture = entry(page, 'teapot.png').locator('img');
  await picture.waitFor(SOON);
  await expect.poll(() => picture.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth), SOON).toBe(1);
  expect(complaints).toEqual([]);
});

test.skipIf(!CHROMIUM)('by what a customer can’t be answered is said with the reason', { timeout: 60_000 }, async () => {
  const page = await open();
  await write(page, 'Your message', 'Nobody knows my address.');
  await entry(page, 'Nobody knows my address.').waitFor(SOON);
  await page.getByRole('radio', { name: /Chat.*recommended/ }).waitFor(SOON);
  await page.getByText(/not possible/).click();
  expect(await page.locator('.whynot li').allInnerTexts()).toEqual([expect.stringMatching(/^E-mail.*address/), expect.stringMatching(/^SMS.*address/)]);
});

test.skipIf(!CHROMIUM)('the server is killed when it has both messages and has answered neither: once on both sides', { timeout: 120_000 }, async () => {
  const page = await open();
  await write(page, 'Your message', 'Before the fall.');
  await entry(page, 'Before the fall.').waitFor(SOON);

  // What is sent is carried out, and its answer is held until both are; then the process dies, and both answers are lost.
  const held: Route[] = [];
  let isDown = false;
  await page.route('**/graphql', async (route) => {
    if (isDown || !/\b(?:sendMessage|sendVisitorMessage)\b/.test(route.request().postData() ?? '')) return route.continue();
    await route.fetch();
    held.push(route);
  });
  await write(page, 'Your message', 'Said by the visitor as it fell.');
  await write(page, /Your answer/, 'Said by the agent as it fell.');
  await expect.poll(() => held.length, SOON).toBe(2);
  const { port } = new URL(server.address);
  server.kill('SIGKILL');
  await server.exited;
  isDown = true;
  for (const route of held) await route.abort();
  await page.getByRole('status').filter({ hasText: 'Connecting' }).waitFor(SOON);

  // Said while nobody listens.
  await write(page, 'Your message', 'Said by the visitor to nobody.');
  await write(page, /Your answer/, 'Said by the agent to nobody.');
  await entry(page, 'Said by the agent to nobody.').filter({ hasText: 'Queued' }).waitFor(SOON);

  server = await spawnServer({ DATABASE_URL: first.db.url, SECRET_KEY, DATA_DIR: first.dataDir, PORT: port, LOG_LEVEL: 'error' }, { timeoutMs: 60_000 });
  await page.getByRole('status').filter({ hasText: 'Live' }).waitFor(SOON);
  const texts = ['Said by the visitor as it fell.', 'Said by the agent as it fell.', 'Said by the visitor to nobody.', 'Said by the agent to nobody.'];
  for (const text of texts) {
    await entry(page, text).waitFor(SOON);
    await line(page, text).waitFor(SOON);
  }
  // All is answered when nothing waits any more on either side.
  await expect.poll(() => page.locator('.entry.out', { hasText: 'Queued' }).count(), SOON).toBe(0);
  await expect.poll(() => line(page, 'Sending…').count(), SOON).toBe(0);
  for (const text of texts) {
    expect([text, await entry(page, text).count(), await line(page, text).count(), await stored(text)]).toEqual([text, 1, 1, 1]);
  }
  expect(complaints).toEqual([]);
  proven({ livePages: 1 });
});

test.skipIf(!CHROMIUM).each(['light', 'dark'] as const)('axe finds nothing wrong in %s, and the switch changes to the other', { timeout: 60_000 }, async (colours) => {
  const page = await open(colours);
  await write(page, 'Your message', `In ${colours}.`);
  await entry(page, `In ${colours}.`).waitFor(SOON);
  await page.getByText(/not possible/).click();
  expect(await violations(page)).toEqual([]);
  // Calls, notes, e-mails and what happened besides.
  await page.locator('.row', { hasText: 'Ada Lovelace' }).first().click();
  await page.locator('.entry .note').first().waitFor(SOON);
  expect(await violations(page)).toEqual([]);
  const other = colours === 'light' ? 'dark' : 'light';
  await page.getByRole('button', { name: `Change to ${other} colours` }).click();
  expect(await page.evaluate('getComputedStyle(document.documentElement).colorScheme')).toBe(other);
  await page.reload();
  await page.locator('.conversation .entry').first().waitFor(SOON);
  expect(await page.evaluate('getComputedStyle(document.documentElement).colorScheme')).toBe(other);
});

/** Each with what it is about. The page's policy lets no script in, so axe comes by the debugger. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(AXE, 'utf8'));
  const result = (await page.evaluate('axe.run()')) as { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] };
  return result.violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`));
}

test.skipIf(!CHROMIUM)('all can be done by the keyboard alone', { timeout: 60_000 }, async () => {
  const page = await open();
  const tabTo = async (what: string): Promise<void> => {
    for (let presses = 0; presses < 60; presses++) {
      if (await page.evaluate(`document.activeElement.matches(${JSON.stringify(what)})`)) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`Tab doesn't lead to ${what}.`);
  };
  await tabTo('.visitor textarea');
  await page.keyboard.type('By keys alone.');
  await page.keyboard.press('Enter');
  await entry(page, 'By keys alone.').waitFor(SOON);

  // The list by its arrows, and back.
  await tabTo('.row[aria-current]');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect.poll(() => entry(page, 'By keys alone.').count(), SOON).toBe(0);
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await entry(page, 'By keys alone.').waitFor(SOON);

  await tabTo('.composer input[type=radio]');
  await tabTo('.whynot summary');
  await page.keyboard.press('Enter');
  expect(await page.locator('.whynot[open]').count()).toBe(1);
  await tabTo('.composer textarea');
  await page.keyboard.type('One line,');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('and another.');
  await page.keyboard.press('Enter');
  await line(page, 'One line,\nand another.').waitFor(SOON);
});

test('it is given to nobody but who sits at the machine, and only where there is a demo', { timeout: 60_000 }, async () => {
  const ours = await fetch(`${server.address}/live`);
  expect(ours.status).toBe(200);
  expect(ours.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
  expect(await ours.text()).not.toMatch(/<script(?![^>]* src="\/)|<style|\bstyle=|\bon\w+=|https?:/);
  for (const path of ['/live', '/live/app.js', '/live/app.css']) {
    expect(await statusOf(path, { host: 'desk.example' })).toBe(404);
    expect(await statusOf(path, { 'x-forwarded-for': '203.0.113.7' })).toBe(404);
  }
  const withoutDemo = await startTestServer();
  try {
    for (const path of ['/live', '/live/app.js', '/live/app.css']) expect((await fetch(`${withoutDemo.address}${path}`)).status).toBe(404);
  } finally {
    await withoutDemo.stop();
  }
});

/** `fetch` sets the host itself. */
const statusOf = (path: string, headers: Record<string, string>): Promise<number> =>
  new Promise((resolve, reject) => {
    request(`${server.address}${path}`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    }).once('error', reject).end();
  });
