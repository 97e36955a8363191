// G14 in a real browser: what comes out of the sanitiser is rendered in headless Chromium, which runs no script of it and loads nothing.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { sanitizeHtml } from '../../src/channels/email/sanitize.ts';
import { CHROMIUM, launchBrowser } from '../harness/browser.ts';
import { proven } from '../harness/proven.ts';
import { PAYLOADS } from './html-payloads.ts';

if (!CHROMIUM) console.log('Skipped: no Chromium is here to render mails in (CHROMIUM_PATH names one).');

const MAILS_PER_PAGE = 60;
/** How a mail comes into a page: put there by a script, or as a part of the document, in which scripts run as they are read. */
type Way = 'put' | 'served';

interface Seen {
  /** What the page ran: dialogs, and calls of `alert`. */
  ran: string[];
  /** Addresses that it asked for. */
  loaded: string[];
  /** Where it led to. */
  led: string[];
}

let browser: Browser;
let origin: string;
const server = createServer((_request, response) => response.end());
const documentOf = (content: string): string => `<!doctype html><title>Agent</title><main>${content}</main>`;
beforeAll(async () => {
  if (!CHROMIUM) return;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  browser = await launchBrowser();
}, 60_000);
afterAll(async () => {
  await browser?.close();
  server.close();
});

/** As an agent's page shows it, and then everything is touched: handlers that wait for a pointer, a key, a focus or a toggle get theirs. The browser's, so it is text. */
const TOUCH = String.raw`async (given) => {
    const main = document.querySelector('main') ?? document.body;
    if (given !== null) main.innerHTML = given;
    for (const element of main.querySelectorAll('*')) {
      for (const name of ['mouseover', 'mouseenter', 'focus', 'focusin', 'keydown', 'pointerdown', 'toggle', 'animationstart', 'wheel', 'scroll', 'input', 'load', 'error', 'begin']) element.dispatchEvent(new Event(name, { bubbles: true }));
      element.focus?.();
      // A link is followed only when somebody wants to: here only addresses that run, which a click would not leave the page by.
      if (element instanceof HTMLAnchorElement && /^(?:javascript|data|vbscript|blob):/i.test(element.protocol)) element.click();
    }
    // Frames, images and styles that would be asked for have been, two frames later.
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve, 0))));
}`;

/** On a page of its own, which is closed then: what a mail does late is not taken for the next one's. */
async function render(html: string, way: Way = 'put'): Promise<Seen> {
  const seen: Seen = { ran: [], loaded: [], led: [] };
  const page = await browser.newPage();
  try {
    await watch(page, seen, documentOf(way === 'served' ? html : ''));
    await page.goto(origin);
    await page.evaluate(`(${TOUCH})(${JSON.stringify(way === 'put' ? html : null)})`);
    return { ...seen };
  } finally {
    await page.close();
  }
}

async function watch(page: Page, seen: Seen, content: string): Promise<void> {
  page.on('dialog', (dialog) => {
    seen.ran.push(`dialog ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  await page.exposeFunction('alert', (what: unknown) => void seen.ran.push(`alert(${String(what)})`));
  // Nothing leaves the machine; what is asked for is written down.
  await page.route('**/*', async (route) => {
    const url = route.request().url();
    if (url === origin) return route.fulfill({ contentType: 'text/html; charset=utf-8', body: content });
    // A browser asks for it by itself, whatever the page holds.
    if (url !== `${origin}favicon.ico`) (route.request().isNavigationRequest() ? seen.led : seen.loaded).push(url.slice(0, 200));
    await route.abort().catch(() => {});
  });
}

test.skipIf(!CHROMIUM)('the browser sees what is wrong: raw, the payloads run, load and lead away', { timeout: 60_000 }, async () => {
  for (const way of ['put', 'served'] as const) expect((await render('<img src=x onerror=alert(1)>', way)).ran.length).toBeGreaterThan(0);
  expect((await render('<script>alert(1)</script>', 'served')).ran).toEqual(['alert(1)']);
  expect((await render('<a href="javascript:alert(1)">x</a>')).ran.length).toBeGreaterThan(0);
  expect((await render('<p style="background:url(https://evil.example/p.gif)">x</p>')).loaded).toEqual(['https://evil.example/p.gif']);
  // A frame sets off when the browser likes.
  await expect.poll(async () => (await render('<iframe src="https://evil.example/"></iframe>')).led, { timeout: 20_000 }).toEqual(['https://evil.example/']);
  let caught = 0;
  const some = PAYLOADS.filter((_payload, index) => index % 12 === 0);
  for (const payload of some) {
    const { ran, loaded, led } = await render(payload);
    if (ran.length + loaded.length + led.length > 0) caught++;
  }
  expect(caught).toBeGreaterThan(some.length / 5);
});

test.skipIf(!CHROMIUM)(`${PAYLOADS.length} payloads, sanitised, run no script and load nothing`, { timeout: 60_000 }, async () => {
  const faults: string[] = [];
  const mails = PAYLOADS.flatMap((payload) => [payload, `<table><tr><td>${payload}`, `<p title="${payload}`]);
  // As a timeline shows them, many on a page: what one of them leaves open would show in the next.
  for (let from = 0; from < mails.length; from += MAILS_PER_PAGE) {
    const some = mails.slice(from, from + MAILS_PER_PAGE);
    const page = some.map((html) => `<article>${sanitizeHtml(html)}</article>`).join('');
    for (const way of ['put', 'served'] as const) {
      const { ran, loaded, led } = await render(page, way);
      // Pictures of the mail itself are `cid:`, which no browser loads.
      const asked = loaded.filter((url) => !url.startsWith('cid:') && !url.startsWith('data:image/'));
      if (ran.length + asked.length + led.length > 0) faults.push(`${way}: ran ${ran.join()}; loaded ${asked.join()}; led to ${led.join()}; by one of\n${some.join('\n')}`);
    }
  }
  expect(faults).toEqual([]);
  proven({ payloads: PAYLOADS.length });
});
