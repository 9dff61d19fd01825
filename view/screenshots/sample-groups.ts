import type {
  GroupOverview,
  HostOverview,
  PromotionOverview,
  PushOverview,
} from '../../shared/core/operator/overview.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
const ids = [
  '0a1b2c3d4e5f60718',
  '0f9e8d7c6b5a43210',
  '00112233445566778',
  '0c4d5e6f708192a3b',
  '0b7a6958473625140',
  '0d3c2b1a09f8e7d6c',
];
const zones = [
  'eu-central-1a',
  'eu-central-1a',
  'eu-central-1b',
  'eu-central-1b',
  'eu-central-1c',
  'eu-central-1c',
];

export const idOf = (number: number) => `i-${ids[number - 1] ?? ''}`;

/** A host of the sample: web-1 is the primary. */
export function host(number: number, at: number, more: Partial<HostOverview> = {}): HostOverview {
  const isPrimary = number === 1;
  const common = {
    id: idOf(number),
    name: `web-${number}`,
    zone: zones[number - 1] ?? '',
    agent: 'online' as const,
    level: 'in-sync' as const,
    syncedAt: null,
    error: null,
    task: null,
    lifecycle: null,
    release: { name: '0.2.0-0c4d5e6f708192a3', isDeployed: true },
    promotionBlocker: null,
  };
  if (isPrimary) return { ...common, role: 'primary', state: 'takes writes', secondsBehind: null, ...more };
  const secondsBehind = 0.3 + (Math.abs(Math.sin(at / 7_000 + number * 1.7)) * 5) / 10;
  return { ...common, role: 'secondary', state: 'in sync', secondsBehind, ...more };
}

function push(index: number, at: number): PushOverview {
  const files = [6, 0, 14, 3, 0, 22, 1, 9, 2, 31][index % 10] ?? 0;
  return {
    command: `push-${index}`,
    primary: idOf(1),
    requestedAt: at,
    status: 'succeeded',
    seconds: 0.4 + (index % 5) / 10,
    files,
    deleted: index % 7 === 0 ? 1 : 0,
    bytes: files * 88_000 * (1 + (index % 4)),
    missed: [],
  };
}

const promotions = (at: number): readonly PromotionOverview[] => [
  {
    epoch: 3,
    to: idOf(1),
    from: idOf(4),
    kind: 'switchover',
    why: 'asked for, for maintenance',
    at: at - 2 * day,
  },
  { epoch: 2, to: idOf(4), from: idOf(1), kind: 'failover', why: 'EC2 has web-1 stopped', at: at - 9 * day },
  {
    epoch: 1,
    to: idOf(1),
    from: null,
    kind: 'first',
    why: 'the first primary of the group',
    at: at - 80 * day,
  },
];

/** A group in which all is well. */
export function healthyGroup(at: number, more: Partial<GroupOverview> = {}): GroupOverview {
  return {
    group: 'web',
    at,
    epoch: 3,
    primary: idOf(1),
    directories: ['/var/www/html/uploads'],
    level: 'in-sync',
    verdict: 'All 5 secondaries are in sync',
    paused: null,
    observed: false,
    intentions: [],
    failover: 'auto',
    watch: { running: true, rung: 'fanotify', lag: { p50: 0.3, p99: 0.8, max: 0.9 } },
    held: null,
    attention: [],
    incidents: [],
    hosts: [1, 2, 3, 4, 5, 6].map((number) => host(number, at)),
    pushes: Array.from({ length: 40 }, (_, index) => push(index, at - (index + 1) * 10_000)),
    promotions: promotions(at),
    ...more,
  };
}

/** One secondary cannot be reached. */
export function groupBehind(at: number): GroupOverview {
  const since = at - 5 * minute;
  const message = 'Connection timed out on port 22';
  return healthyGroup(at, {
    level: 'attention',
    verdict: '1 of 5 hosts is behind, 5 min at most',
    hosts: [1, 2, 3, 4, 5, 6].map((number) =>
      host(
        number,
        at,
        number === 4
          ? {
              state: 'behind',
              level: 'attention',
              secondsBehind: 312,
              error: { code: 'unreachable', message, since },
            }
          : {},
      ),
    ),
    attention: [
      {
        level: 'attention',
        code: 'unreachable',
        host: idOf(4),
        title: 'web-4 is behind: unreachable',
        message: `web-4 (secondary) is 5 min behind: unreachable, ${message} (for 5 min)`,
        next: 'hostsync doctor web',
      },
    ],
    incidents: [{ code: 'unreachable', since, host: idOf(4), notified: true }],
    pushes: Array.from({ length: 40 }, (_, index) => ({
      ...push(index, at - (index + 1) * 10_000),
      missed: index < 30 ? [{ id: idOf(4), error: 'unreachable', message: 'Connection timed out' }] : [],
    })),
  });
}

/** Deletions wait for a decision. The names are hostile. */
export function groupHolding(at: number): GroupOverview {
  return healthyGroup(at, {
    level: 'attention',
    verdict: '2981 deletions are held',
    attention: [
      {
        level: 'attention',
        code: 'deletions-held',
        host: null,
        title: '2981 deletions are held',
        message: '2981 of 11204 entries would be deleted, and are held: more than a fifth of the files',
        next: 'hostsync accept-deletions web 5c1f00d2a94be317',
      },
    ],
    held: {
      id: '5c1f00d2a94be317',
      count: 2_981,
      total: 11_204,
      since: at - 4 * minute,
      reason: 'More than a fifth of the files are gone on the primary.',
      examples: [
        '/var/www/html/uploads/2024/01/harbour-dawn.jpg',
        '/var/www/html/uploads/2024/02/annual-report.pdf',
        '/var/www/html/uploads/<img src=x onerror=alert(1)>',
        '/var/www/html/uploads/two\nlines \u202egpj.exe',
      ],
    },
  });
}

/** A group that is only observed, with what would be done to it. */
export function groupObserved(at: number): GroupOverview {
  const since = at - minute;
  return healthyGroup(at, {
    level: 'behind',
    verdict: 'Only observed: hostsync says what it would do',
    observed: true,
    attention: [
      {
        level: 'behind',
        code: 'observed',
        host: null,
        title: 'The group is only observed',
        message: 'The group is only observed (hostsync:mode): hostsync changes nothing',
        next: 'hostsync resume web',
      },
    ],
    intentions: [
      { kind: 'push', hosts: [idOf(2), idOf(3)], reason: 'pushes 1 directory', since },
      { kind: 'join', hosts: [idOf(4)], reason: 'it has the tag <b>hostsync:group</b>', since },
    ],
  });
}
