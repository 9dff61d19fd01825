// The live page in a real Chromium, on real hosts: what a visitor sees and presses.
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startLiveView } from '../../tour/live-view.ts';
import { Stage } from '../../tour/stage.ts';
import { openBrowser, type SandboxBrowser } from '../../view/screenshots/browser.ts';
import type { View } from '../../view/server.ts';
import { must, startGroup, type TestGroup, uploads } from './group.ts';
import { makeUploads } from './on-host.ts';

/** Only a fault reaches it: a promotion takes its time on a machine that does other things too. */
const patience = 150_000;

let group: TestGroup;
let view: View;
let chromium: SandboxBrowser;
let page: Page;
/** What the browser's console said and no script caught. */
const complaints: string[] = [];

beforeAll(async () => {
  [group, chromium] = await Promise.all([
    startGroup({ secondaries: 2 }),
    openBrowser((line) => process.stderr.write(`${line}\n`)),
  ]);
  const stage = new Stage(group.cloud, { directory: uploads, owner: 'www-data' });
  stage.open(
    group.cloud.createAutoScalingGroup({
      name: 'web',
      tags: { 'hostsync:group': 'web' },
      launch: { prepare: makeUploads },
      hooks: [
        { name: 'hostsync-launch', transition: 'launching', heartbeatTimeout: 300, defaultResult: 'ABANDON' },
        {
          name: 'hostsync-terminate',
          transition: 'terminating',
          heartbeatTimeout: 300,
          defaultResult: 'CONTINUE',
        },
      ],
    }),
  );
  group.cloud.startSchedule(3);
  view = await startLiveView(group.cloud, { network: 'sandbox' }, stage);
  const context = await chromium.browser.newContext({ viewport: { width: 1_440, height: 1_000 } });
  context.setDefaultTimeout(patience);
  page = await context.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(view.address);
});

afterAll(async () => {
  group?.cloud.stopSchedule();
  await view?.close();
  await chromium?.close();
  await group?.close();
});

afterEach(() => expect(complaints).toEqual([]));

/** Presses a button as the keyboard does. */
async function press(name: string): Promise<void> {
  const button = page.getByRole('button', { name, exact: true });
  await expect.poll(() => button.getAttribute('aria-disabled'), { timeout: patience }).toBe('false');
  await button.focus();
  await page.keyboard.press('Enter');
  await page.locator('#watch b', { hasText: 'Done.' }).waitFor();
}

const heading = (text: RegExp) => page.getByRole('heading', { level: 1, name: text }).waitFor();
const event = (text: string | RegExp) => page.locator('#events strong', { hasText: text }).first().waitFor();
const row = (name: string) =>
  page.locator('#hosts-table tr.h', { has: page.getByRole('button', { name, exact: true }) });
const state = (name: string, text: RegExp) => row(name).locator('.c-state', { hasText: text }).waitFor();

describe('a visitor', () => {
  it('sees at a glance that all is well, and the token leaves the address', async () => {
    await heading(/^All 2 secondaries are in sync/);
    expect(await page.title()).toMatch(/^All 2 secondaries are in sync · web/);
    expect(page.url()).toBe(`http://127.0.0.1:${view.port}/`);
    await state('primary', /^Takes writes/);
    expect(await page.locator('.uplot canvas').count()).toBe(1);
  });

  it('adds a file and sees it pushed', async () => {
    await press('Add a file');
    await event('Files synced');
    await page.locator('#push-chart .bar.sent').first().waitFor();
  });

  it('cuts a secondary off: an alert opens, and is resolved when it is healed', async () => {
    await page.selectOption('#aim', { label: 'secondary-1' });
    await press('Cut off');
    await press('Add a file');
    await page.locator('#events .pill.open').first().waitFor();
    await state('secondary-1', /^Behind/);
    await press('Heal all');
    await state('secondary-1', /^In sync/);
    await page.locator('#events .pill.open').first().waitFor({ state: 'detached' });
    await event('secondary-1 is in sync again');
    await heading(/^All 2 secondaries are in sync/);
  });

  it('fills a disk, and frees it', async () => {
    await page.selectOption('#aim', { label: 'secondary-2' });
    await press('Fill the disk');
    await row('secondary-2').locator('.c-err code', { hasText: 'disk-full' }).waitFor();
    await press('Heal all');
    await state('secondary-2', /^In sync/);
  });

  it('scales out and in', async () => {
    await press('Scale out');
    await heading(/^All 3 secondaries are in sync/);
    await press('Scale in');
    await heading(/^All 2 secondaries are in sync/);
  });

  it('kills the primary: another takes over, and the old one comes back as a secondary', async () => {
    // It is gone when the promotion is over, which may be before the button says that it is done
    const promotion = page.getByRole('region', { name: 'Promotion', exact: true });
    await Promise.all([promotion.waitFor(), press('Kill it')]);
    await event(/became the primary/);
    await page.locator('#promotions li b', { hasText: 'primary →' }).waitFor();
    await promotion.waitFor({ state: 'detached' });
    await press('Bring it back');
    await state('primary', /^In sync/);
  });

  it('sees held deletions with names that are hostile, as text', async () => {
    const name = '<img src=x onerror=alert(1)>';
    const running = group.cloud.instances().filter(({ state }) => state === 'running');
    const primary = running.find(({ tags }) => tags['hostsync:primary'] !== undefined);
    const secondary = running.find(({ tags }) => tags['hostsync:primary'] === undefined);
    if (primary === undefined || secondary === undefined) throw new Error('no group');
    await must(primary, `cd ${uploads}; for i in {1..300}; do touch "${name} $i"; done; chown www-data: *`);
    const arrived = async () => must(secondary, `find ${uploads} -name '*onerror*' | wc -l`);
    await expect.poll(arrived, { timeout: patience }).toBe('300\n');
    // A push in the midst of it would see two deletions, each of them small enough
    group.cloud.stopSchedule();
    await group.settle();
    await must(primary, `cd ${uploads}; rm -rf visit-* -- *onerror*`);
    group.cloud.startSchedule(3);
    const held = page.getByRole('region', { name: 'Held deletions' });
    await held.waitFor();
    expect(await held.locator('.files li').count()).toBeGreaterThan(0);
    expect(await page.locator('.files img').count()).toBe(0);
    await held
      .getByText(/accept-deletions/)
      .first()
      .waitFor();
  });

  it('uses a phone, a dark one, and no mouse', async () => {
    for (const width of [320, 390, 768, 1_100]) {
      await page.setViewportSize({ width, height: 800 });
      await expect
        .poll(() => page.evaluate('document.documentElement.scrollWidth - innerWidth'), { timeout: patience })
        .toBeLessThanOrEqual(0);
    }
    const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await background();
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await background()).not.toBe(light);
    const reached = new Set<string>();
    await page.locator('.skip').focus();
    for (let index = 0; index < 80; index += 1) {
      reached.add(String(await page.evaluate('document.activeElement?.textContent')));
      await page.keyboard.press('Tab');
    }
    for (const name of ['Scale out', 'Kill it', 'Follow', 'Alerts', 'secondary-1'])
      expect([...reached]).toContain(name);
  });

  it('reloads without the token in the address, and a stranger sees nothing', async () => {
    await page.reload();
    await page.locator('#hosts-table tr.h').first().waitFor();
    const stranger = await chromium.browser.newContext();
    const other = await stranger.newPage();
    await other.goto(`http://127.0.0.1:${view.port}/`);
    await other.getByRole('heading', { name: 'This page needs its whole address' }).waitFor();
    expect(await other.locator('#hosts-table tr.h').count()).toBe(0);
    await stranger.close();
  });
});
