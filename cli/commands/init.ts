import { findInstances, findNamed, observeInstances } from '../../shared/aws/ec2.ts';
import { readRegister } from '../../shared/aws/memory.ts';
import { observeAgents } from '../../shared/aws/ssm.ts';
import type { ObservedInstance } from '../../shared/core/model/observation.ts';
import { tagKeys } from '../../shared/core/model/tag-keys.ts';
import { planInit } from '../../shared/core/operator/init.ts';
import { type ChangeOptions, carryOutChange } from '../change.ts';
import type { Context } from '../connect.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { follow } from '../progress.ts';
import { lag } from '../render/duration.ts';
import { wakeGroup } from '../wake.ts';

export interface InitOptions extends ChangeOptions {
  readonly primary?: string | undefined;
  readonly directories: readonly string[];
  readonly hosts: readonly string[];
  readonly wait: boolean;
  /** Seconds. */
  readonly timeout: number;
}

/** Makes a group: asks for what was not given, sets the tags, and waits until every host has the files. */
export async function init(
  context: Context,
  given: string | undefined,
  options: InitOptions,
): Promise<ExitCode> {
  const { clients, terminal, table } = context;
  const group = given ?? (await answer(context, 'Group name', 'GROUP'));
  const primaryName = options.primary ?? (await answer(context, 'Primary, by id or name', '--primary HOST'));
  const directories =
    options.directories.length > 0
      ? options.directories.join(' ')
      : await answer(context, 'Directories, separated by spaces', '--directory PATH');
  const names =
    options.hosts.length > 0 || options.primary !== undefined
      ? options.hosts
      : (await answer(context, 'Other hosts, separated by spaces', '--host HOST')).split(/\s+/u);
  const [primary, ...others] = await findHosts(context, [
    primaryName,
    ...names.filter((each) => each !== ''),
  ]);
  if (primary === undefined) throw new Error('no primary');
  const all = await observeInstances(clients.ec2);
  const change = planInit({
    ...{ group, directories, primary, others },
    agents: await observeAgents(
      clients.ssm,
      [primary, ...others].map(({ id }) => id),
    ),
    claims: (await readRegister({ dynamoDb: clients.dynamoDb, table }, group)).claims,
    taken: all.filter(({ tags }) => tags[tagKeys.group] === group).map(({ id }) => id),
  });
  if (!(await carryOutChange(context, `new group ${group}`, change, options))) return exitCodes.ok;
  await wakeGroup(context, group, 'the operator has made the group');
  if (!options.wait) return exitCodes.ok;
  const began = Date.now();
  const last = await follow(context, group, options.timeout, {
    describe: ({ overview }) =>
      overview.hosts.map(({ id, name = id, state, task }) => `${name} ${task?.step ?? state}`).join(', '),
    isOver: ({ overview }) => overview.verdict === 'in-sync' && overview.hosts.length === others.length + 1,
  });
  const said = last.overview.hosts.flatMap(({ id, name = id, trouble }) =>
    trouble === undefined ? [] : [`${name}: ${trouble.message ?? trouble.code}`],
  );
  if (last.overview.verdict !== 'in-sync')
    throw new Failure(`${group} is not in sync after ${lag(options.timeout)}: ${last.overview.headline}`, {
      exitCode: exitCodes.behind,
      advice: [...said, `See: hostsync doctor ${group}`],
    });
  const { style, symbol } = terminal.look;
  terminal.out(
    `${style('green', `${symbol('ok')} ${group} is in sync`)} after ${lag((Date.now() - began) / 1000)}. Next: hostsync doctor ${group}`,
  );
  return exitCodes.ok;
}

async function answer({ terminal }: Context, question: string, flag: string): Promise<string> {
  if (!terminal.isInteractive)
    throw new Failure(`${question}: not given, and nobody is there to be asked.`, {
      exitCode: exitCodes.usage,
      advice: [`Add ${flag}.`],
    });
  return terminal.ask(`${question}: `);
}

/** @throws {Failure} for a name that is none's, or several hosts' */
async function findHosts(
  { clients, region }: Context,
  words: readonly string[],
): Promise<readonly ObservedInstance[]> {
  const isId = (word: string) => /^i-[0-9a-f]+$/u.test(word);
  const [byId, byName] = await Promise.all([
    findInstances(clients.ec2, words.filter(isId)),
    findNamed(
      clients.ec2,
      words.filter((word) => !isId(word)),
    ),
  ]);
  return words.map((word) => {
    const found = isId(word)
      ? byId.filter(({ id }) => id === word)
      : byName.filter(({ tags }) => tags['Name'] === word);
    const [host] = found;
    if (host !== undefined && found.length === 1) return host;
    throw new Failure(
      found.length === 0
        ? `There is no instance "${word}" in ${region}.`
        : `${found.length} instances are named "${word}": ${found.map(({ id }) => id).join(', ')}.`,
      { exitCode: exitCodes.usage, advice: ['Name each host by its id, or by a name that only it has.'] },
    );
  });
}
