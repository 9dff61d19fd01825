import { formatJoinRequest, formatPromoteRequest } from '../shared/core/request.ts';
import { formatSecondaries } from '../shared/core/secondaries.ts';
import type { CommandRecord, LocalCloud, LocalInstance } from './cloud.ts';
import { sendCommand } from './operator.ts';

/** A group as an operator sets it up by hand. */
export interface GroupByHand {
  readonly name: string;
  readonly directories: readonly string[];
  readonly primary: LocalInstance;
  readonly secondaries: readonly LocalInstance[];
  /** Host names outside EC2 that go into the list as well. */
  readonly outside?: readonly string[];
  readonly excludes?: readonly string[];
}

/** A script on a host did not do what it was asked to. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
}

/**
 * Does what the README has an operator do: the key on the primary, join.sh on every secondary, the tags.
 *
 * @returns the primary's public key
 * @throws {ScriptError} with the script's own words
 */
export async function setUpByHand(cloud: LocalCloud, group: GroupByHand): Promise<string> {
  const { name, directories, primary, secondaries, outside = [], excludes = [] } = group;
  const heading = { group: name, epoch: 1 };
  const promoted = await runScript(cloud, 'PromoteDocument', primary, formatPromoteRequest(heading));
  const publicKey = member(promoted, 'publicKey');
  const request = formatJoinRequest({ ...heading, directories, owner: undefined, publicKey });
  await Promise.all(
    secondaries.map(async (secondary) => {
      const joined = await runScript(cloud, 'JoinDocument', secondary, request);
      secondary.setTags({ 'hostsync:group': name, 'hostsync:host-key': member(joined, 'hostKey') });
    }),
  );
  primary.setTags({
    'hostsync:group': name,
    'hostsync:primary': '1',
    'hostsync:directories': directories.join(' '),
    ...(excludes.length > 0 && { 'hostsync:exclude': excludes.join(' ') }),
    ...formatSecondaries([...secondaries.map(({ id }) => id), ...outside]),
  });
  return publicKey;
}

/**
 * Has a host run the script of one of our documents, through Run Command.
 *
 * @returns the last line that it printed
 * @throws {ScriptError} if it does not end with exit code 0
 */
export async function runScript(
  cloud: LocalCloud,
  document: string,
  instance: LocalInstance,
  request: string,
): Promise<unknown> {
  const id = await sendCommand(cloud, document, instance.id, request);
  const ended = (command: CommandRecord) =>
    command.id === id && ['Success', 'Failed', 'TimedOut', 'Cancelled'].includes(command.status);
  const command = await cloud.waitFor(() => cloud.commands(ended)[0], {
    what: `${document} on ${instance.id}`,
  });
  const step = command.invocations[0]?.steps[0];
  if (step?.status !== 'Success')
    throw new ScriptError(
      `${document} on ${instance.id}: ${step?.statusDetails}: ${step?.stdout}${step?.stderr}`,
    );
  return JSON.parse(step.stdout.trim().split('\n').at(-1) ?? '');
}

function member(line: unknown, name: string): string {
  const value =
    typeof line === 'object' && line !== null ? new Map(Object.entries(line)).get(name) : undefined;
  if (typeof value === 'string') return value;
  throw new ScriptError(`no ${name} in ${JSON.stringify(line)}`);
}
