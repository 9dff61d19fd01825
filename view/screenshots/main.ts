// Makes the pictures of the page for the README, from a sample group. Runs in the sandbox: npm run screenshots
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { GroupOverview } from '../../shared/core/operator/overview.ts';
import { Observer } from '../model/observer.ts';
import { startView } from '../server.ts';
import { openBrowser } from './browser.ts';
import { groupBehind, groupHolding, healthyGroup } from './sample-groups.ts';

interface Picture {
  readonly name: string;
  readonly group: (at: number) => GroupOverview;
  readonly scheme: 'light' | 'dark';
  readonly width: number;
  readonly height: number;
}

const pictures: readonly Picture[] = [
  { name: 'page-light', group: healthyGroup, scheme: 'light', width: 1440, height: 1240 },
  { name: 'page-dark', group: healthyGroup, scheme: 'dark', width: 1440, height: 1240 },
  { name: 'page-phone', group: groupBehind, scheme: 'light', width: 390, height: 844 },
  { name: 'page-held', group: groupHolding, scheme: 'dark', width: 1440, height: 620 },
];

/** The buttons are there and do nothing. */
const actions = Object.fromEntries(
  [
    ...['add-file', 'add-files', 'delete-files', 'scale-out', 'scale-in', 'cut-off', 'fill-disk', 'heal'],
    ...['kill-primary', 'bring-back'],
  ].map((name) => [name, async () => 'Nothing happens in a picture.']),
);

const directory = join('docs', 'images');
mkdirSync(directory, { recursive: true });
const { browser, close } = await openBrowser((line) => process.stderr.write(`${line}\n`));
try {
  for (const picture of pictures) await take(picture);
} finally {
  await close();
}

async function take({ name, group, scheme, width, height }: Picture): Promise<void> {
  const observer = new Observer();
  const end = Date.now();
  const past = Array.from({ length: 290 }, (_, index) => group(end - (290 - index) * 2_000)).map(
    (overview) => observer.observe([overview]).samples,
  );
  const view = await startView(
    async () => {
      const observed = observer.observe([group(end)]);
      return {
        ...observed,
        samples: [...past.flat(), ...observed.samples],
        state: {
          at: end,
          environment: { name: 'local cloud', local: true },
          groups: observed.groups,
          actions: Object.keys(actions).map((each) => ({ name: each })),
        },
      };
    },
    { actions },
  );
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    reducedMotion: 'reduce',
    timezoneId: 'UTC',
  });
  try {
    const page = await context.newPage();
    page.on('console', (message) => process.stderr.write(`${name}: ${message.type()}: ${message.text()}\n`));
    page.on('pageerror', (error) => process.stderr.write(`${name}: ${error.message}\n`));
    await page.goto(view.address);
    await page.locator('#hosts-table tbody tr.h').first().waitFor();
    await page.waitForFunction('document.querySelector(".uplot canvas") !== null');
    await page.screenshot({ path: join(directory, `${name}.png`) });
  } finally {
    await context.close();
    await view.close();
  }
}
