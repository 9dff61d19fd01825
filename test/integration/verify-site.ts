import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalCloud, startCloud } from 'local-cloud';
import { openFleet } from 'local-cloud/hosts';
import { packageWith } from '../../tour/own-package.ts';
import { must, packageDirectory, uploads } from './group.ts';
import { makeUploads } from './on-host.ts';
import { type RunningProgram, startProgram } from './start-program.ts';

/** The name that CloudFormation gives to the site's Auto Scaling group. */
export const hostGroup = 'hostsync-verify-site-HostGroup-1ABC';

/** A local cloud with hostsync, in which `npm run verify-live` may make its stacks. */
export interface VerifySite {
  readonly cloud: LocalCloud;
  /** Stacks that were made, and those that were taken away, in order. */
  readonly made: readonly string[];
  readonly removed: readonly string[];
  readonly start: (...words: readonly string[]) => RunningProgram;
  /** What a run has written; empty if it has written nothing. */
  readonly report: (file: 'report.md' | 'report.json') => string;
  /** Those of the local cloud, but for refused calls on the site's group when it is gone: its tags, which allow them, are gone, too. */
  readonly problems: () => ReturnType<LocalCloud['takeProblems']>;
  readonly close: () => Promise<void>;
}

export async function openVerifySite(): Promise<VerifySite> {
  const fleet = await openFleet();
  // The rest is as on AWS, but for the minute, which is three seconds here
  const own = packageWith(packageDirectory, { HOSTSYNC_GROUP_WAIT: '0' });
  const cloud = await startCloud({ packageDirectory: own, tickSeconds: 3, fleet, timeScale: 20 });
  const [made, removed]: [string[], string[]] = [[], []];
  cloud.createTargetGroup({ name: 'editors', tags: { 'hostsync:group': 'verify-live' } });
  cloud.playStacks(async ({ name, parameters }) => {
    made.push(name);
    const site = name.endsWith('-site') ? await makeSite(cloud, parameters) : undefined;
    const queue = site === undefined ? cloud.createQueue(`${name}-Queue-1ABC`) : undefined;
    const outputs = site?.outputs ?? {
      DatabaseSecret: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:x',
      QueueUrl: queue?.url ?? '',
    };
    const remove = async () => {
      await site?.remove();
      queue?.remove();
      removed.push(name);
    };
    return { outputs, remove };
  });
  const output = mkdtempSync(join(tmpdir(), 'verify-live-'));
  const problems = () =>
    cloud
      .takeProblems()
      .filter(
        ({ kind, message }) => kind !== 'denied' || removed.length === 0 || !message.includes(hostGroup),
      );
  return {
    cloud,
    made,
    removed,
    start(...words) {
      const program = [
        'scripts/tasks.ts',
        'verify-live',
        '--deployed',
        'prod',
        '--output',
        output,
        '--vpc',
        'vpc-0123456789abcdef0',
        '--subnets',
        'subnet-0aaaaaaaaaaaaaaaa,subnet-0bbbbbbbbbbbbbbbb',
        ...words,
      ];
      return startProgram(cloud, program, cloud.roleConfig({ name: 'lender', policies: lenderPolicies() }));
    },
    report(file) {
      try {
        return readFileSync(join(output, file), 'utf8');
      } catch {
        return '';
      }
    },
    problems,
    async close() {
      const unexpected = problems();
      await cloud.close();
      await fleet.close();
      for (const directory of [own, output]) rmSync(directory, { recursive: true, force: true });
      if (unexpected.length > 0) throw new Error(unexpected.map(({ message }) => message).join('\n'));
    },
  };
}

/** What docs/guides/verify-live.md asks for, for a stage that is deployed with the default prefix of tags. */
function lenderPolicies(): readonly unknown[] {
  const own = readFileSync(join('docs', 'reference', 'verify-live-policy.json'), 'utf8');
  return [
    JSON.parse(readFileSync(join('docs', 'deploy-policy.json'), 'utf8')),
    JSON.parse(own.replaceAll('hostsync-verify:', 'hostsync:')),
  ];
}

/** What examples/wordpress makes of these parameters, as far as hostsync sees it. */
async function makeSite(cloud: LocalCloud, parameters: Readonly<Record<string, string>>) {
  const group = cloud.createAutoScalingGroup({
    name: hostGroup,
    tags: { 'hostsync:group': parameters['Group'] ?? '' },
    hooks: [
      { name: 'hostsync-launch', transition: 'launching', heartbeatTimeout: 300, defaultResult: 'ABANDON' },
      { name: 'hostsync-terminate', transition: 'terminating', heartbeatTimeout: 900 },
    ],
    launch: {
      async prepare(instance) {
        await makeUploads(instance);
        await must(instance, `echo x > ${uploads}/index.html; chown -R www-data: ${uploads}`);
      },
    },
  });
  await group.scaleOut(Number(parameters['Hosts']), { wait: false });
  const { arn } = cloud.targetGroup('editors');
  const tags = `Key=hostsync:primary,Value=1 Key=hostsync:directories,Value="${uploads}" Key=hostsync:target-group,Value=${arn}`;
  return {
    outputs: {
      HostGroup: hostGroup,
      PrimaryTags: tags,
      Address: 'site.example.com',
    },
    remove: () => group.delete(),
  };
}

/** Hosts that still cost something. */
export function running(cloud: LocalCloud): readonly string[] {
  return cloud.instances().flatMap(({ id, state }) => (state === 'terminated' ? [] : [id]));
}
