// The live page of the tour: what the operator's command sees of the local cloud, and buttons that break and mend its hosts.
import type { LocalCloud } from 'local-cloud';
import { machineNetwork, sandboxDirectory } from 'local-cloud/sandbox';
import { findDeployment } from '../cli/deployment.ts';
import { Terminal } from '../cli/terminal.ts';
import { deploymentOf, sourceOf } from '../view/from-deployment.ts';
import { startView, type View } from '../view/server.ts';
import type { Stage } from './stage.ts';

export interface LiveViewOptions {
  /** Where the page is to be found: on the machine, or inside the sandbox alone. */
  readonly network: 'machine' | 'sandbox';
  /** Seconds between two looks. */
  readonly every?: number;
  /** Look also while nobody has the page open. */
  readonly always?: boolean;
}

/** Serves the page of a local cloud. With a stage it has buttons. */
export async function startLiveView(
  cloud: LocalCloud,
  { network, every = 1, always = false }: LiveViewOptions,
  stage?: Stage,
): Promise<View> {
  actAsOperator(cloud);
  const { region, endpoint } = cloud.clientConfig();
  const found = await findDeployment({ region, endpoint, stage: 'prod', output: 'json', color: false });
  // What needs the core is imported only now: the keys of its tags are made from the prefix that the deployment names
  const { Session } = await import('../cli/session.ts');
  const deployment = await deploymentOf(
    new Session(found, new Terminal({ colour: false, unicode: true, columns: 80, interactive: false })),
    'local cloud',
  );
  const source = sourceOf({
    ...deployment,
    local: true,
    ...(stage !== undefined && { actions: () => stage.states() }),
  });
  const machine = { file: machineNetwork(sandboxDirectory()) };
  return startView(source, {
    every,
    always,
    network: network === 'machine' ? machine : 'own',
    ...(stage !== undefined && { actions: stage.actions }),
  });
}

/** The SDK of the operator's command takes credentials from the environment, as an operator's shell has them. */
function actAsOperator(cloud: LocalCloud): void {
  const { credentials } = cloud.clientConfig();
  process.env['AWS_ACCESS_KEY_ID'] = credentials.accessKeyId;
  process.env['AWS_SECRET_ACCESS_KEY'] = credentials.secretAccessKey;
  process.env['AWS_SESSION_TOKEN'] = credentials.sessionToken;
}
