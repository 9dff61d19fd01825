import { type Condition, conditionBlocker } from '../../shared/core/operator/conditions.ts';
import { UsageError } from '../errors.ts';
import { follow } from '../follow.ts';
import { hostOf, observe } from '../observe.ts';
import type { CommonOptions } from '../options.ts';
import type { Session } from '../session.ts';

export interface WaitOptions extends CommonOptions {
  readonly group: string;
  readonly inSync?: boolean;
  readonly promoted?: string;
  readonly joined?: string;
  /** Seconds. */
  readonly timeout: number;
}

/** @returns 0 when the condition holds; it throws with 1 when the time is over */
export async function wait(session: Session, options: WaitOptions): Promise<number> {
  const group = await session.group(options.group);
  const condition = await conditionOf(session, group, options);
  await follow(session, {
    group,
    timeout: options.timeout,
    goesOn: `Nothing was changed. See: hostsync status ${group}`,
    stageOf({ overview }) {
      const blocker = conditionBlocker(condition, overview);
      return blocker === undefined
        ? { kind: 'done', message: describeReached(condition, group) }
        : { kind: 'working', message: `waiting for ${group}: ${blocker}` };
    },
  });
  return 0;
}

/** Names are turned into ids once: a host that is not there yet has to be named by its id. */
async function conditionOf(session: Session, group: string, options: WaitOptions): Promise<Condition> {
  const { inSync, promoted, joined } = options;
  const given = [inSync === true, promoted !== undefined, joined !== undefined].filter(Boolean).length;
  if (given !== 1)
    throw new UsageError(
      given === 0 ? 'Wait for what?' : 'One thing can be waited for at a time',
      'Give --in-sync, --promoted HOST or --joined HOST.',
    );
  if (inSync === true) return { kind: 'in-sync', since: Date.now() };
  const host = promoted ?? joined ?? '';
  const { overview } = await observe(session, group);
  const id = /^i-[0-9a-f]+$/u.test(host) ? host : hostOf(overview, host).id;
  return { kind: promoted === undefined ? 'joined' : 'promoted', host: id };
}

function describeReached(condition: Condition, group: string): string {
  switch (condition.kind) {
    case 'in-sync':
      return `${group} is in sync`;
    case 'promoted':
      return `${condition.host} is the primary of ${group}`;
    case 'joined':
      return `${condition.host} has joined ${group}`;
  }
}
