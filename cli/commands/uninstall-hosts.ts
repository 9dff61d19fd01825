import { observeAgents } from '../../shared/aws/ssm.ts';
import type { ObservedInstance } from '../../shared/core/model/observation.ts';
import type { HostAnswer, Known } from '../../shared/core/operator/doctor-facts.ts';
import {
  parseUninstall,
  type UninstallOutcome,
  uninstallByHand,
} from '../../shared/core/operator/uninstall-answer.ts';
import { askHosts } from '../ask-hosts.ts';
import { CommandError, exitCodes } from '../errors.ts';
import { interruption } from '../follow.ts';
import type { Session } from '../session.ts';

/** Milliseconds: what looked at the tags before the pause may install the package again. The longest function, sync, has 58 s. */
const inFlight = 60_000;
/** Milliseconds between two looks at a tag. */
const lookPause = 2_000;
/** Seconds for one host. */
const timeout = 180;

/** The name of the SSM document. @throws {CommandError} where the deployment has none, before anything is changed */
export function uninstallDocument({ deployment }: Session): string {
  const document = deployment.environment['HOSTSYNC_UNINSTALL_DOCUMENT'];
  if (document !== undefined) return document;
  throw new CommandError(
    exitCodes.unavailable,
    `Stage ${deployment.stage} is of a release that cannot clean hosts`,
    `Deploy this one first: npx serverless deploy --stage ${deployment.stage}`,
  );
}

/**
 * Until nothing that began before the pause runs any more.
 *
 * @param isPaused whether EC2 shows the pause
 */
export async function untilQuiet(
  { terminal }: Session,
  group: string,
  isPaused: () => Promise<boolean>,
): Promise<void> {
  terminal.say(`${terminal.symbol('working')} paused; waiting a minute for what has begun before`);
  const interrupt = interruption(
    `${group} is paused, and all else is as it was. Go on: hostsync uninstall ${group}, or: hostsync resume ${group}`,
  );
  try {
    while (!(await isPaused())) await interrupt.pause(lookPause);
    await interrupt.pause(inFlight);
  } finally {
    interrupt.end();
  }
}

/** What happens on the hosts of a group. */
export interface HostCleaning {
  readonly group: string;
  readonly document: string;
  readonly members: readonly ObservedInstance[];
  /** Also what is the operator's: hooks, known_hosts, files that a rescue kept. */
  readonly purges: boolean;
}

/**
 * Takes hostsync off the hosts, side by side. One that does not answer is named, and stops no other.
 *
 * @returns the hosts on which something is left
 */
export async function uninstallHosts(
  session: Session,
  { group, document, members, purges }: HostCleaning,
): Promise<readonly string[]> {
  const agents = await observeAgents(
    session.clients.ssm,
    members.map(({ id }) => id),
  );
  const online = new Set(agents.filter((each) => each.online).map(({ id }) => id));
  session.didWrite = true;
  const answers = await askHosts(
    session,
    members
      .filter(({ id }) => online.has(id))
      .map(({ id }) => ({
        instance: id,
        document,
        comment: `hostsync uninstall, group ${group}`,
        parameters: { group: [group], purge: [purges ? '--purge' : ''] },
      })),
    timeout,
  );
  const offline: Known<HostAnswer> = { known: false, reason: 'its SSM agent is not online' };
  return members.flatMap(({ id }) => {
    const outcome = parseUninstall(answers.get(id) ?? offline);
    sayOutcome(session, id, outcome);
    return outcome.kind === 'left' ? [id] : [];
  });
}

function sayOutcome({ terminal }: Session, id: string, outcome: UninstallOutcome): void {
  if (outcome.kind === 'left') {
    terminal.say(`${terminal.symbol('attention')} ${id} is not clean: ${outcome.reason}`);
    terminal.say(`  When it is up again, on it, as root: ${uninstallByHand}`);
    return;
  }
  terminal.say(`${terminal.symbol('ok')} ${id} is clean`);
  for (const path of outcome.kept)
    terminal.say(`  ${path} stays: it is yours. To remove it, too, on it, as root: rm -r ${path}`);
}
