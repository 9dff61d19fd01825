import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Host, type HostFleet, openFleet } from 'local-cloud/hosts';
import { sandboxDirectory } from 'local-cloud/sandbox';
import { type Browser, chromium } from 'playwright-core';

export interface SandboxBrowser {
  readonly browser: Browser;
  close(): Promise<void>;
}

/**
 * Chromium of Debian, in a layer of its own, with the network of the sandbox. It has the file system of a host and not its
 * network, so that it sees 127.0.0.1 as those who serve pages in the sandbox do.
 */
export async function openBrowser(log: (line: string) => void): Promise<SandboxBrowser> {
  const fleet = await openFleet({ name: 'browser', log });
  try {
    const host = await fleet.create({
      id: 'browser',
      packages: ['chromium', 'fonts-dejavu-core', 'fonts-inter'],
    });
    await host.start();
    const browser = await chromium.launch({
      executablePath: program(host),
      // Pages are ours, and a sandbox in a sandbox wants rights that a container may lack
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--font-render-hinting=none'],
      timeout: 120_000,
    });
    return { browser, close: () => close(browser, fleet) };
  } catch (error) {
    await fleet.close();
    throw error;
  }
}

async function close(browser: Browser, fleet: HostFleet): Promise<void> {
  await browser.close();
  await fleet.close();
}

/** Descriptors 3 and 4, on which the browser is driven, pass through nsenter. */
function program({ pid }: Host): string {
  if (pid === undefined) throw new Error('The host of the browser does not run.');
  const path = join(sandboxDirectory(), `chromium-${pid}`);
  writeFileSync(
    path,
    `#!/bin/bash
export HOME=/root LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec nsenter --target ${pid} --mount --pid --ipc --root --wd -- chromium "$@"
`,
  );
  chmodSync(path, 0o755);
  return path;
}
