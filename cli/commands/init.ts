import { findInstances } from '../../shared/aws/ec2.ts';
import { observeAgents } from '../../shared/aws/ssm.ts';
import { tagKeys } from '../../shared/core/model/tag-keys.ts';
import { conditionBlocker } from '../../shared/core/operator/conditions.ts';
import { type NewGroup, planGroup } from '../../shared/core/operator/plan-group.ts';
import { makeChange } from '../change.ts';
import { RefusedError, UsageError } from '../errors.ts';
import { follow } from '../follow.ts';
import type { ActionOptions } from '../options.ts';
import type { Session } from '../session.ts';

export interface InitOptions extends ActionOptions {
  readonly group?: string;
  readonly primary?: string;
  readonly directory?: readonly string[];
  readonly host?: readonly string[];
  /** Only say what would be done. */
  readonly observe?: boolean;
}

/** Sets the tags of a new group, and waits until every host is in sync. */
export async function init(session: Session, options: InitOptions): Promise<number> {
  const wanted = await askFor(session, options);
  const { group, primary, others } = wanted;
  const existing = (await session.groups()).get(group) ?? [];
  const holder = existing.find(({ tags }) => tags[tagKeys.primary] !== undefined);
  if (holder !== undefined)
    throw new RefusedError(
      `The group "${group}" is there already: ${holder.id} is its primary`,
      `Add a host to it: aws ec2 create-tags --resources i-OTHER --tags Key=${tagKeys.group},Value=${group}`,
    );
  const ids = [primary, ...others];
  const [instances, agents] = await Promise.all([
    findInstances(session.clients.ec2, ids),
    observeAgents(session.clients.ssm, ids),
  ]);
  const plan = planGroup({ ...wanted, observe: options.observe === true }, instances, agents);
  if (plan.problems.length > 0)
    throw new RefusedError(plan.problems.join('; '), 'Nothing was changed. Mend this, then try again.');
  const done = await makeChange(session, options, {
    title: `New group ${group}`,
    steps: [
      ...plan.tags.map(
        ({ instances: on, set }) =>
          `set on ${on.join(', ')}: ${Object.entries(set)
            .map(([key, value]) => `${key}=${value}`)
            .join('  ')}`,
      ),
      options.observe === true
        ? 'nothing else: hostsync says what it would do'
        : `${primary} makes a key; the other hosts trust it, and get all files`,
    ],
    warnings: [
      ...plan.warnings,
      ...(others.length === 0
        ? ['The group has no other host yet: tag some later.']
        : [
            `What only the other hosts hold in ${wanted.directories.join(', ')} is deleted by their first sync.`,
          ]),
    ],
    tags: plan.tags.map((each) => ({ ...each, remove: [] })),
  });
  if (!done) return 0;
  await session.wake(group, 'an operator made the group');
  if (options.observe === true) {
    const { terminal } = session;
    terminal.say(
      `${terminal.symbol('ok')} ${group} is only observed. In a minute: hostsync status ${group}. To begin: hostsync resume ${group}`,
    );
    return 0;
  }
  const since = Date.now();
  await follow(session, {
    group,
    timeout: options.timeout,
    goesOn: `The hosts join without this command. See: hostsync status ${group} -w`,
    stageOf({ overview }) {
      const seen = new Set(overview.hosts.map(({ id }) => id));
      const missing = ids.filter((id) => !seen.has(id));
      if (missing.length > 0)
        return { kind: 'working', message: `EC2 does not show the tags of ${missing.join(', ')} yet` };
      const waits = others
        .map((host) => conditionBlocker({ kind: 'joined', host }, overview))
        .find((blocker) => blocker !== undefined);
      const first =
        waits ??
        (others.length === 0 ? conditionBlocker({ kind: 'promoted', host: primary }, overview) : undefined);
      if (first !== undefined) return { kind: 'working', message: first };
      const seconds = Math.round((Date.now() - since) / 1000);
      return {
        kind: 'done',
        message: `${group} is in sync after ${seconds} s. Next: hostsync doctor ${group}`,
      };
    },
  });
  return 0;
}

/** What is not given is asked for. @throws {UsageError} where nobody can be asked */
async function askFor(session: Session, options: InitOptions): Promise<NewGroup> {
  const { terminal } = session;
  const answer = async (question: string, flag: string): Promise<string> => {
    if (!terminal.options.interactive)
      throw new UsageError(`${question} is not given, and there is nobody to ask`, `Add ${flag}.`);
    return terminal.ask(`${question}:`, { ahead: true });
  };
  const group = options.group ?? (await answer('Group name', 'GROUP, as in hostsync init web'));
  const primary = options.primary ?? (await answer('Id of the host that editors upload to', '--primary i-…'));
  const directories =
    options.directory ??
    split(
      await answer('Directories to keep the same (blanks between them)', '--directory /var/www/html/uploads'),
    );
  const others =
    options.host ??
    (terminal.options.interactive
      ? split(
          await terminal.ask('Ids of the other hosts (blanks between them, empty for none yet):', {
            ahead: true,
          }),
        )
      : []);
  return { group, primary, directories, others };
}

function split(text: string): readonly string[] {
  return text.split(/[\s,]+/u).filter((word) => word !== '');
}
