import type { LocalCloud } from 'local-cloud';

/** What a person would look at first when a test waits in vain: the tags of every instance, and what failed on the hosts last. */
export function describeCloud(cloud: LocalCloud): string {
  const failed = cloud
    .commands()
    .flatMap(({ document, invocations }) =>
      invocations.flatMap(({ steps }) => steps.map((step) => ({ document, ...step }))),
    )
    .filter(({ status }) => status === 'Failed')
    .slice(-3);
  return [...cloud.instances().map(({ id, state, tags }) => ({ id, state, tags })), ...failed]
    .map((each) => JSON.stringify(each))
    .join('\n');
}
