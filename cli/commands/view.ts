import { once } from 'node:events';
import { deploymentOf, sourceOf } from '../../view/from-deployment.ts';
import { startView } from '../../view/server.ts';
import type { CommonOptions } from '../options.ts';
import type { Session } from '../session.ts';

export interface ViewOptions extends CommonOptions {
  readonly port?: number;
}

/** Serves the live page of all groups, on this machine alone, until Ctrl-C. */
export async function view(session: Session, options: ViewOptions): Promise<number> {
  const { terminal, deployment } = session;
  const shown = await deploymentOf(session, `${deployment.stage} · ${deployment.region}`);
  const page = await startView(sourceOf(shown), {
    ...(options.port !== undefined && { port: options.port }),
  });
  terminal.print(page.address);
  terminal.say('Open this address in a browser on this machine; it holds a secret. Ctrl-C ends it.');
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  await page.close();
  return 0;
}
