// The live page in a real Chromium, from samples: states that real hosts are seldom in.
import { createServer } from 'node:http';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GroupOverview } from '../../shared/core/operator/overview.ts';
import { sourceOf } from '../../view/from-deployment.ts';
import { listenOnLoopback } from '../../view/listen.ts';
import { openBrowser, type SandboxBrowser } from '../../view/screenshots/browser.ts';
import {
  groupBehind,
  groupHolding,
  groupObserved,
  healthyGroup,
  host,
} from '../../view/screenshots/sample-groups.ts';
import { startView, type View } from '../../view/server.ts';

const token = 'a-token-that-is-long-enough-to-be-one';
let chromium: SandboxBrowser;
let page: Page;
let view: View;
let groups: (at: number) => readonly GroupOverview[];
const complaints: string[] = [];

beforeAll(async () => {
  chromium = await openBrowser((line) => process.stderr.write(`${line}\n`));
});
afterAll(() => chromium?.close());

function serve(port = 0): Promise<View> {
  const source = sourceOf({
    name: 'prod · eu-central-1',
    local: false,
    overviews: async () => groups(Date.now()),
  });
  return startView(source, { token, port, every: 0.1 });
}

beforeEach(async () => {
  groups = (at) => [healthyGroup(at)];
  view = await serve();
  const context = await chromium.browser.newContext({ viewport: { width: 1_440, height: 1_000 } });
  context.setDefaultTimeout(100_000);
  page = await context.newPage();
  complaints.length = 0;
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
afterEach(async () => {
  await page.context().close();
  await view.close();
});

const heading = (text: RegExp) => page.getByRole('heading', { level: 1, name: text }).waitFor();

describe('the page', () => {
  it('goes from state to state without a reload, and says each in its title', async () => {
    await heading(/All 5 secondaries/);
    groups = (at) => [groupBehind(at)];
    await heading(/1 of 5 hosts is behind/);
    await page.locator('#events .pill.open').waitFor();
    await page.locator('#topology .link.cut').waitFor({ state: 'attached' });
    groups = (at) => [groupHolding(at)];
    await heading(/2981 deletions are held/);
    const names = await page.locator('.files li').allTextContents();
    expect(names).toContain('/var/www/html/uploads/<img src=x onerror=alert(1)>');
    expect(names).toContain('/var/www/html/uploads/two\\nlines \\u202egpj.exe');
    expect(await page.locator('.files img').count()).toBe(0);
    expect(await page.title()).toBe('2981 deletions are held · web · hostsync');
    groups = (at) => [healthyGroup(at)];
    await heading(/All 5 secondaries/);
    await page.locator('#events .pill.open').waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  it('says of a group that is only observed what would be done to it, and how to let it be done', async () => {
    await heading(/All 5 secondaries/);
    groups = (at) => [groupObserved(at)];
    await heading(/^Only observed/);
    const banner = page.getByRole('region', { name: 'Only observed', exact: true });
    await expect.poll(() => banner.locator('li').count()).toBe(2);
    const would = await banner.locator('li').allTextContents();
    expect(would[0]).toMatch(/^Would .*pushes 1 directory/);
    expect(would[1]).toContain('<b>hostsync:group</b>');
    await banner.getByText('npx hostsync resume web').waitFor();
    groups = (at) => [healthyGroup(at)];
    await banner.waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  it('has no buttons against AWS', async () => {
    await heading(/All 5 secondaries/);
    expect(await page.locator('#try').isVisible()).toBe(false);
    expect(complaints).toEqual([]);
  });

  it.each([320, 390, 768, 1_100, 1_440])('is not scrolled sideways at a width of %d', async (width) => {
    await page.setViewportSize({ width, height: 800 });
    for (const group of [healthyGroup, groupBehind, groupHolding, groupObserved]) {
      groups = (at) => [group(at)];
      await heading(new RegExp(group(0).verdict));
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    }
    expect(complaints).toEqual([]);
  });

  it('keeps the focus through redraws, and lets go of a host with Escape', async () => {
    const button = page.getByRole('button', { name: 'web-3', exact: true });
    await button.focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => button.getAttribute('aria-pressed')).toBe('true');
    groups = (at) => [groupBehind(at)];
    await heading(/1 of 5 hosts is behind/);
    expect(await page.evaluate('document.activeElement.textContent')).toBe('web-3');
    await page.keyboard.press('Escape');
    await expect.poll(() => button.getAttribute('aria-pressed')).toBe('false');
    expect(complaints).toEqual([]);
  });

  it('shows the group that needs somebody, and others when they are chosen', async () => {
    groups = (at) => [healthyGroup(at, { group: 'shop' }), groupBehind(at)];
    await page.reload();
    await heading(/1 of 5 hosts is behind/);
    await page.selectOption('#group', 'shop');
    await heading(/All 5 secondaries/);
    expect(complaints).toEqual([]);
  });

  it('draws two hundred hosts', async () => {
    groups = (at) => [
      healthyGroup(at, {
        hosts: Array.from({ length: 200 }, (_, index) => ({
          ...host(index === 0 ? 1 : 2, at),
          id: `i-${index}`,
          name: `web-${index}`,
          zone: `eu-central-1${'abc'[index % 3]}`,
        })),
        primary: 'i-0',
      }),
    ];
    await expect.poll(() => page.locator('#hosts-table tr.h').count(), { timeout: 100_000 }).toBe(200);
    expect(complaints).toEqual([]);
  });

  it('keeps what it knew when the server is gone, and goes on when it is back', async () => {
    await heading(/All 5 secondaries/);
    const { port } = view;
    await view.close();
    await page.getByText(/Connection lost/).waitFor();
    expect(await page.locator('#hosts-table tr.h').count()).toBe(6);
    groups = (at) => [groupBehind(at)];
    view = await serve(port);
    await heading(/1 of 5 hosts is behind/);
    await page.getByText('Live', { exact: true }).waitFor();
  });

  it('says what is missing when the token is wrong', async () => {
    await page.goto(`http://127.0.0.1:${view.port}/#another-token-of-the-same-length`);
    await page.reload();
    await heading(/This page needs its whole address/);
    expect(await page.locator('#hosts-table tr.h').count()).toBe(0);
  });
});

it('answers every request where the port is in another network', async () => {
  const programs = () => process.getActiveResourcesInfo().filter((name) => name === 'ProcessWrap').length;
  const before = programs();
  const server = createServer((_request, response) => response.end('here'));
  const port = await listenOnLoopback(server, { port: 0, network: { file: '/proc/self/ns/net' } });
  // One that stayed would take some of the connections, and keep whoever serves the page from ending
  await expect.poll(programs).toBe(before);
  for (let index = 0; index < 20; index += 1)
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('here');
  server.close();
});
