import { maximumTagValueLength, tagKeys } from './tag-keys.ts';
import { type Parsed, parsed, type TagProblem, words } from './tag-problem.ts';

/** One entry of the list of secondaries. */
export type Secondary =
  | { readonly kind: 'instance'; readonly id: string }
  /** A host that SSM manages but EC2 does not know. */
  | { readonly kind: 'managed-node'; readonly id: string }
  /** A host outside AWS, which the user prepares; its id is its name or address. */
  | { readonly kind: 'outside'; readonly id: string; readonly port: number; readonly entry: string };

const instanceId = /^i-(?:[0-9a-f]{8}|[0-9a-f]{17})$/u;
const managedNodeId = /^mi-[0-9a-f]{17}$/u;
/** RFC 1123: labels of 1 to 63 letters, digits and inner hyphens. */
const hostName =
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/iu;
const shardKey = new RegExp(`^${tagKeys.secondaries}(?:-(?<number>.*))?$`, 'u');

/** SSH's port, where neither an entry nor a tag names one. */
export const sshPort = 22;

/** An entry of the list, or what is wrong with it. */
function parseSecondary(word: string): Secondary | Pick<TagProblem, 'problem' | 'remedy'> {
  if (instanceId.test(word)) return { kind: 'instance', id: word };
  if (managedNodeId.test(word)) return { kind: 'managed-node', id: word };
  if (/^m?i-[0-9a-f]*$/iu.test(word))
    return {
      problem: 'it looks like an instance id, but is none',
      remedy: 'write i- and 17 (or 8) digits 0-9a-f, or mi- and 17, as the console shows it',
    };
  const [name = '', port, ...more] = word.split(':');
  if (!hostName.test(name) || more.length > 0)
    return {
      problem: 'it is neither an instance id nor a host name',
      remedy: 'write i-…, mi-…, or a host name or IPv4 address of letters, digits, hyphens and dots',
    };
  if (/^[\d.]+$/u.test(name) && !isIpv4(name))
    return {
      problem: 'it is not an IPv4 address',
      remedy: 'write four numbers from 0 to 255, as in 192.0.2.7',
    };
  if (port !== undefined && !(/^[1-9]\d{0,4}$/u.test(port) && Number(port) <= 65535))
    return {
      problem: 'its port is not a number from 1 to 65535',
      remedy: 'write host:port, or the host alone',
    };
  const id = name.toLowerCase();
  return {
    kind: 'outside',
    id,
    port: Number(port ?? sshPort),
    entry: port === undefined ? id : `${id}:${port}`,
  };
}

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return (
    parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/u.test(part) && Number(part) <= 255)
  );
}

/** How a secondary is written in the list. */
export function listEntry(secondary: Secondary): string {
  return secondary.kind === 'outside' ? secondary.entry : secondary.id;
}

/** The number of a shard's tag: 1 for `hostsync:secondaries`, n for `hostsync:secondaries-n`; undefined for other tags. */
export function shardNumber(tag: string): number | undefined {
  const match = shardKey.exec(tag);
  if (match === null) return undefined;
  const suffix = match.groups?.['number'];
  if (suffix === undefined) return 1;
  return /^(?:[2-9]|[1-4]\d)$/u.test(suffix) ? Number(suffix) : Number.NaN;
}

/**
 * The secondaries of a group, from all the shards that the primary's tags hold, in order. An entry that stands twice
 * counts once: the list is a set, and two hands may have added the same host.
 */
export function parseSecondaries(
  instance: string,
  tags: Readonly<Record<string, string>>,
): Parsed<readonly Secondary[]> {
  const problems: TagProblem[] = [];
  const shards: { readonly number: number; readonly tag: string; readonly value: string }[] = [];
  for (const [tag, value] of Object.entries(tags)) {
    const number = shardNumber(tag);
    if (number === undefined) continue;
    if (Number.isNaN(number))
      problems.push({
        instance,
        tag,
        value,
        problem: 'this is no name of a shard',
        remedy: `name further shards ${tagKeys.secondaries}-2 to ${tagKeys.secondaries}-49`,
      });
    shards.push({ number, tag, value });
  }
  shards.sort((a, b) => a.number - b.number);
  const found = new Map<string, Secondary>();
  for (const { tag, value } of shards) {
    for (const word of words(value)) {
      const secondary = parseSecondary(word);
      if ('problem' in secondary) {
        problems.push({ instance, tag, value: word, ...secondary });
        continue;
      }
      const earlier = found.get(secondary.id);
      if (earlier?.kind === 'outside' && secondary.kind === 'outside' && earlier.port !== secondary.port)
        problems.push({
          instance,
          tag,
          value: word,
          problem: `the host is named twice, also with port ${earlier.port}`,
          remedy: 'name it once, or give the second SSH server a name of its own',
        });
      found.set(secondary.id, secondary);
    }
  }
  return parsed([...found.values()], problems);
}

/** The first tag that hostsync itself adds hosts to; `hostsync:secondaries` belongs to the operator. */
const firstOwnShard = 2;

/**
 * The tags that hold the hosts which joined by themselves: as many shards as 256 characters each demand, filled in
 * order.
 *
 * EC2 tags have no conditional write, and reads may be old: a tag that an operator edits is safe only from a writer who
 * leaves it alone. So hostsync adds to tags of its own.
 *
 * @returns tag name to value; only tags that hold something
 */
export function formatOwnShards(entries: readonly string[]): Readonly<Record<string, string>> {
  const shards: string[] = [];
  for (const entry of entries) {
    const last = shards.at(-1);
    if (last !== undefined && last.length + 1 + entry.length <= maximumTagValueLength)
      shards[shards.length - 1] = `${last} ${entry}`;
    else shards.push(entry);
  }
  return Object.fromEntries(
    shards.map((value, index) => [`${tagKeys.secondaries}-${index + firstOwnShard}`, value]),
  );
}
