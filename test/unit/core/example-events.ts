import type { DomainEvent, EventDetails, EventType } from '../../../shared/core/model/domain-event.ts';
import { domainEvent } from '../../../shared/core/model/domain-event.ts';
import { instanceId } from './fixtures.ts';

export const since = '2026-11-22T10:00:00.123Z';

/** What is put into every place of an event that is not held to a form. */
export interface Words {
  readonly group: string;
  /** What a host said. */
  readonly message: string;
  readonly error: string;
  /** A file or a directory. */
  readonly path: string;
}

const plain: Words = {
  group: 'web',
  message: 'No space left on device (28)',
  error: 'disk-full',
  path: '/srv/uploads',
};

const primary = instanceId(1);
const secondary = instanceId(2);

/** One event of every type. */
export function exampleEvents(
  { group, message, error, path }: Words = plain,
  reminder = 0,
  hosts: readonly string[] = [secondary],
): readonly DomainEvent[] {
  const detail = { since, reminder };
  const counts = { files: 3, deleted: 1, bytes: 52_428, seconds: 1.25 };
  const details: { readonly [Type in EventType]: EventDetails[Type] } = {
    'Files Synced': {
      primary,
      requestedAt: since,
      ...counts,
      secondaries: hosts.map((host) => ({ secondary: host, ...counts })),
    },
    'Action Observed': { action: 'join', hosts, reason: message, since },
    'Sync Failed': {
      ...detail,
      primary,
      secondaries: hosts.map((host) => ({
        secondary: host,
        error,
        message,
        syncedAt: '2026-11-22T09:59:00.100Z',
        secondsBehind: 61,
      })),
    },
    'Sync Recovered': {
      primary,
      syncedAt: '2026-11-22T10:05:00.100Z',
      secondaries: hosts.map((host) => ({ secondary: host, error, since, seconds: 300 })),
    },
    'Secondary Joined': { secondary, syncedAt: since },
    'Secondary Left': { secondary, primary },
    'Join Failed': { ...detail, secondary, message, final: false },
    'Push Failed': { ...detail, primary, error, message },
    'Push Overrun': { ...detail, primary, command: '01234567-89ab-cdef-0123-456789abcdef', seconds: 75 },
    'Directory Not Pushed': {
      ...detail,
      primary,
      directories: [{ directory: path, error: 'missing', message }],
    },
    'Deletions Held': {
      ...detail,
      primary,
      deletions: '0123456789abcdef',
      count: 900,
      total: 1000,
      message,
      examples: [path],
    },
    'No Primary': { ...detail, instances: hosts },
    'Several Primaries': { ...detail, primaries: hosts },
    'Primary Unavailable': { ...detail, primary, message },
    'Configuration Invalid': { ...detail, message },
    'Primary Promoted': {
      primary: secondary,
      from: primary,
      epoch: 2,
      kind: 'failover',
      why: message,
      claimedAt: since,
      secondsAtRisk: 42,
      seconds: 7,
    },
    'Promotion Blocked': {
      ...detail,
      primary,
      why: message,
      message,
      epoch: 2,
      directories: path,
      candidates: hosts.map((host) => ({ instance: host, blocker: message })),
    },
    'Writes Not Resumed': { ...detail, primary, message },
    'Primary Suspected': { ...detail, primary, signs: [message], seen: [message] },
    'Files Rescued': {
      primary: secondary,
      from: primary,
      files: 3,
      conflicts: 1,
      examples: [path],
      list: path,
    },
    'Files Kept': {
      primary: secondary,
      from: primary,
      files: 2,
      tooLong: 0,
      keptIn: '/var/lib/hostsync/rescued/20261122T095900Z-epoch-1',
    },
    'Hook Failed': {
      ...detail,
      primary,
      hook: 'after-sync',
      count: hosts.length,
      secondaries: hosts.map((host) => ({ secondary: host, message })),
    },
    'Files Too Large': {
      ...detail,
      primary,
      directories: [{ directory: path, count: 2, examples: [`${path}/film.mov`] }],
    },
    'Deletions Not Kept': {
      ...detail,
      primary,
      count: hosts.length,
      secondaries: hosts.map((host) => ({ secondary: host, message })),
    },
    'Extra Files Deleted': {
      primary,
      requestedAt: since,
      directories: [
        {
          directory: path,
          count: 2,
          secondaries: hosts.length,
          instances: hosts,
          examples: [`${path}/a.jpg`],
        },
      ],
    },
    'Rescue Failed': { ...detail, primary: secondary, from: primary, message },
    'Group Recovered': { from: 'Push Failed', since, seconds: 300 },
  };
  const make = <Type extends EventType>(type: Type) => domainEvent(type, group, ['example'], details[type]);
  return [
    ...[make('Files Synced'), make('Sync Failed'), make('Sync Recovered'), make('Secondary Joined')],
    ...[make('Secondary Left'), make('Join Failed'), make('Push Failed'), make('Push Overrun')],
    ...[make('Directory Not Pushed'), make('Deletions Held'), make('No Primary'), make('Several Primaries')],
    ...[make('Primary Unavailable'), make('Configuration Invalid'), make('Primary Promoted')],
    ...[
      make('Promotion Blocked'),
      make('Writes Not Resumed'),
      make('Primary Suspected'),
      make('Files Rescued'),
      ...[
        make('Files Kept'),
        make('Hook Failed'),
        make('Deletions Not Kept'),
        make('Files Too Large'),
        make('Extra Files Deleted'),
      ],
      make('Rescue Failed'),
    ],
    make('Group Recovered'),
  ];
}
