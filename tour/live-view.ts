// The live page of the tour: what the operator's command sees of the local cloud, and buttons that break and mend its hosts.
import type { LocalCloud } from 'local-cloud';
import { machineNetwork, sandboxDirectory } from 'local-cloud/sandbox';
import { connect } from '../cli/connect.ts';
import { sourceOf } from '../view/from-deployment.ts';
import { startView, type View } from '../view/server.ts';
import type { Stage } from './stage.ts';

export interface LiveViewOptions {
  /** Where the page is to be found: on the machine, or inside the sandbox alone. */
  readonly network: 'machine' | 'sandbox';
  /** Seconds between two looks. */
  readonly every?: number;
}

/** Serves the page of a local cloud. With a stage it has buttons. */
export async function startLiveView(
  cloud: LocalCloud,
  { network, every = 1 }: LiveViewOptions,
  stage?: Stage,
): Promise<View> {
  actAsOperator(cloud);
  const { region, endpoint } = cloud.clientConfig();
  const context = await connect({ region, endpoint, stage: 'prod', color: false });
  // Only now: the keys of the core's tags are made from the deployment
  const { groupNames, observe } = await import('../cli/observe.ts');
  const overviews = async () => {
    const names = await groupNames(context);
    return Promise.all(names.map(async (name) => (await observe(context, name)).overview));
  };
  const source = sourceOf({
    ...{ name: 'local cloud', local: true, behindAfter: context.settings.behindAfter },
    overviews,
    ...(stage !== undefined && { actions: () => stage.states() }),
  });
  const machine = { file: machineNetwork(sandboxDirectory()) };
  return startView(source, {
    ...{ every, always: true, network: network === 'machine' ? machine : 'own' },
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
