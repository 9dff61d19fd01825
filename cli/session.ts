import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { type Clients, makeClients } from '../shared/aws/clients.ts';
import { observeInstances } from '../shared/aws/ec2.ts';
import { observeInstalls } from '../shared/aws/installs.ts';
import { wake } from '../shared/aws/lanes.ts';
import { TagWriter } from '../shared/aws/tags.ts';
import type { ObservedInstance } from '../shared/core/model/observation.ts';
import type { InstalledReleases } from '../shared/core/model/release.ts';
import { tagKeys } from '../shared/core/model/tag-keys.ts';
import { ConfigurationError, readConfiguration } from '../shared/edge/configuration.ts';
import { makeTools, type Tools } from '../shared/reconcile/tools.ts';
import type { Deployment } from './deployment.ts';
import { CommandError, exitCodes, UsageError } from './errors.ts';
import type { Terminal } from './terminal.ts';

/** Milliseconds that an answer on releases holds. */
const releasesHold = 60_000;

/** A command's connection with one deployment: the same clients, settings and tools as the functions have. */
export class Session {
  readonly deployment: Deployment;
  readonly terminal: Terminal;
  readonly clients: Clients;
  readonly #configuration: ReturnType<typeof readConfiguration<'reconcile'>>;
  #releases: { readonly at: number; readonly value: InstalledReleases } | undefined;
  /** Something may have been changed: an error that comes after this must not say that nothing was. */
  didWrite = false;

  constructor(deployment: Deployment, terminal: Terminal) {
    this.deployment = deployment;
    this.terminal = terminal;
    this.clients = makeClients();
    this.#configuration = configurationOf(deployment);
  }

  /** The functions' tools, for one group. What they log is not for a terminal, and nothing is measured. */
  tools(group: string): Tools {
    const instruments = { logger: new Logger({ logLevel: 'SILENT' }), metrics: new Metrics() };
    return makeTools(this.clients, this.#configuration, group, instruments);
  }

  get settings(): Tools['settings'] {
    return this.tools('').settings;
  }

  /** Every instance of a group, by the group's name. */
  async groups(): Promise<ReadonlyMap<string, readonly ObservedInstance[]>> {
    const instances = await observeInstances(this.clients.ec2);
    const grouped = Map.groupBy(instances, ({ tags }) => tags[tagKeys.group] ?? '');
    grouped.delete('');
    return new Map([...grouped].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /**
   * The group that is meant.
   *
   * @param given undefined for the only one that there is
   * @throws {UsageError} that names those there are
   */
  async group(given: string | undefined): Promise<string> {
    return chooseGroup(given, [...(await this.groups()).keys()], this.deployment.region);
  }

  /** Who has taken which release of the host package. It changes with a deployment and a new host, so it is asked for once a minute at most. */
  async releases(): Promise<InstalledReleases> {
    const now = Date.now();
    if (this.#releases === undefined || now - this.#releases.at > releasesHold) {
      const value = await observeInstalls(this.clients.ssm, this.tools('').documents.install);
      this.#releases = { at: now, value };
    }
    return this.#releases.value;
  }

  /** Takes tags off an instance, whatever their values. */
  async removeTags(instance: string, keys: readonly string[]): Promise<void> {
    this.didWrite = true;
    await new TagWriter(this.clients.ec2).remove(instance, keys);
  }

  /** Asks for a look at the group now, instead of at the next tick. A message that is lost costs a minute at most. */
  async wake(group: string, because: string): Promise<void> {
    const queue = this.deployment.environment['HOSTSYNC_QUEUE'];
    if (queue === undefined)
      throw new CommandError(exitCodes.unavailable, 'The function sync names no queue', 'Deploy again.');
    const at = Date.now();
    await wake(this.clients.sqs, queue, [{ group, because, at, ref: `operator-${at}` }]);
  }
}

/** @throws {UsageError} that names those there are */
export function chooseGroup(given: string | undefined, names: readonly string[], region: string): string {
  const here =
    names.length === 0
      ? `No instance carries the tag ${tagKeys.group}.`
      : `Groups here: ${names.join(', ')}.`;
  const [only] = names;
  if (given === undefined) {
    if (only !== undefined && names.length === 1) return only;
    throw new UsageError(
      names.length === 0 ? `There is no group in ${region}` : 'Which group?',
      names.length === 0 ? `${here} Begin with: hostsync init` : here,
    );
  }
  if (names.includes(given)) return given;
  const meant = names.find((name) => isNear(name, given));
  throw new UsageError(
    `There is no group "${given}" in ${region}.${meant === undefined ? '' : ` Did you mean ${meant}?`}`,
    here,
  );
}

/** The same letters in another order, or but for one. */
function isNear(a: string, b: string): boolean {
  const sorted = (text: string): string => [...text.toLowerCase()].sort().join('');
  return sorted(a) === sorted(b) || a.startsWith(b) || b.startsWith(a);
}

/** @throws {CommandError} when another release is deployed than the one that this command belongs to */
function configurationOf({
  stage,
  environment,
}: Deployment): ReturnType<typeof readConfiguration<'reconcile'>> {
  try {
    return readConfiguration('reconcile', environment);
  } catch (cause) {
    if (!(cause instanceof ConfigurationError)) throw cause;
    throw new CommandError(
      exitCodes.unavailable,
      `Stage ${stage} is of another release than this command: ${cause.message}`,
      `Use the command of the release that is deployed, or deploy this one: npx serverless deploy --stage ${stage}`,
      { cause },
    );
  }
}
