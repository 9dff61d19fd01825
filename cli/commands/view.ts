import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { deploymentOf, sourceOf } from '../../view/from-deployment.ts';
import { startView } from '../../view/server.ts';
import type { Context } from '../connect.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';

export interface ViewOptions {
  /** 0: any that is free. */
  readonly port: number;
  /** Seconds between two looks, while somebody has the page open. */
  readonly interval: number;
}

/** Serves the live page until Ctrl-C. It changes nothing. */
export async function view(context: Context, { port, interval }: ViewOptions): Promise<ExitCode> {
  const { stage, region, terminal } = context;
  const deployment = await deploymentOf(context, `${stage} · ${region}`);
  const page = await startView(sourceOf(deployment), { port, every: interval });
  terminal.out(page.address);
  terminal.say('Open this address. It works on this machine alone; Ctrl-C ends it.');
  const ended = new AbortController();
  const signals = ['SIGINT', 'SIGTERM'].map((name) => once(process, name, { signal: ended.signal }));
  try {
    await Promise.race(signals);
  } finally {
    ended.abort();
    await Promise.allSettled(signals);
    await Promise.race([page.close(), sleep(2_000)]);
  }
  return exitCodes.ok;
}
