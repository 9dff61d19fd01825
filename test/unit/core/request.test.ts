import { expect, it } from 'vitest';
import {
  formatJoinRequest,
  formatKeptListRequest,
  formatLeaveRequest,
  formatProbeRequest,
  formatPromoteRequest,
  formatPushRequest,
  formatRescueRequest,
} from '../../../shared/core/model/request.ts';
import { hostKey, publicKey } from './fixtures.ts';

// A host refuses a request as a whole for one wrong line, so each line counts. Source: docs/host-package.md, the request.

const common = { group: 'web', epoch: 3, holder: 'i-1' };
const heading = 'group\tweb\nepoch\t3\nholder\ti-1\n';
const directories = ['/srv/a', '/srv/b'];
const files = { directories, excludes: ['*.tmp', 'cache/'] };
const directoryLines = 'directory\t/srv/a\ndirectory\t/srv/b\nexclude\t*.tmp\nexclude\tcache/\n';
const known = { id: 'i-2', address: '10.0.0.2', port: 22, hostKey };
const outside = { id: 'web.example.com', address: '192.0.2.7', port: 2222, hostKey: undefined };
const options = new Map([['parallel', 4]] as const);
const keyLine = (key: string) => key.split(' ').slice(0, 2).join('\t');

it.each<[string, string, string]>([
  ['promote', formatPromoteRequest(common), heading],
  ['promote, of nobody known', formatPromoteRequest({ group: 'web', epoch: 3 }), 'group\tweb\nepoch\t3\n'],
  [
    'join',
    formatJoinRequest({ ...common, directories, owner: undefined, publicKey: `${publicKey} a comment` }),
    `${heading}directory\t/srv/a\ndirectory\t/srv/b\npublic-key\t${keyLine(publicKey)}\n`,
  ],
  [
    'join, with an owner, to be read',
    formatJoinRequest({
      ...common,
      directories: ['/srv/a'],
      owner: { user: 'www', group: 'web' },
      publicKey,
      readable: 'directories',
    }),
    `${heading}directory\t/srv/a\twww\tweb\npublic-key\t${keyLine(publicKey)}\noption\treadable\tyes\n`,
  ],
  [
    'join, to keep what is deleted',
    formatJoinRequest({
      ...common,
      directories: ['/srv/a'],
      owner: undefined,
      publicKey,
      options: new Map([
        ['keep-deleted', 30],
        ['nice', 5],
        ['keep-max', 500],
      ] as const),
    }),
    `${heading}directory\t/srv/a\npublic-key\t${keyLine(publicKey)}\noption\tkeep-deleted\t30\noption\tkeep-max\t500\n`,
  ],
  [
    'join, of pushes that keep nothing',
    formatJoinRequest({
      ...common,
      directories: ['/srv/a'],
      owner: undefined,
      publicKey,
      options: new Map([['keep-max', 500]] as const),
    }),
    `${heading}directory\t/srv/a\npublic-key\t${keyLine(publicKey)}\n`,
  ],
  [
    'push',
    formatPushRequest({ ...common, ...files, options, secondaries: [known, outside] }),
    `${heading}${directoryLines}secondary\ti-2\t10.0.0.2\t22\t${keyLine(hostKey)}\nsecondary\tweb.example.com\t192.0.2.7\t2222\noption\tparallel\t4\n`,
  ],
  [
    'push, the first, with deletions that were accepted',
    formatPushRequest({
      ...common,
      directories: ['/srv/a'],
      excludes: [],
      options: new Map(),
      secondaries: [],
      acceptDeletions: '0123456789abcdef',
      first: true,
    }),
    `${heading}directory\t/srv/a\noption\taccept-deletions\t0123456789abcdef\noption\tfirst\tyes\n`,
  ],
  [
    'leave',
    formatLeaveRequest({ ...common, ...files, peer: 'i-2', prepare: false }),
    `${heading.replace('i-1', 'i-2')}${directoryLines}option\tpeer\ti-2\n`,
  ],
  [
    'leave, only prepared',
    formatLeaveRequest({ ...common, ...files, peer: 'i-2', prepare: true }),
    `${heading}${directoryLines}option\tpeer\ti-2\noption\tprepare\tyes\n`,
  ],
  [
    'join, for what is kept to be read',
    formatJoinRequest({ ...common, directories: ['/srv/a'], owner: undefined, publicKey, readable: 'kept' }),
    `${heading}directory\t/srv/a\npublic-key\t${keyLine(publicKey)}\noption\treadable\tkept\n`,
  ],
  [
    'rescue of what is kept',
    formatRescueRequest({
      ...common,
      directories: ['/srv/a'],
      excludes: [],
      sources: [known],
      lists: false,
      kept: { time: '20261128T013000Z-1', only: ['/srv/a/b', '/srv/a/c d'] },
    }),
    `${heading}directory\t/srv/a\nsecondary\ti-2\t10.0.0.2\t22\t${keyLine(hostKey)}\noption\tkept\t20261128T013000Z-1\nonly\t/srv/a/b\nonly\t/srv/a/c d\n`,
  ],
  [
    'what is kept',
    formatKeptListRequest({ ...common, directories: ['/srv/a'], only: ['/srv/a/b'] }),
    `${heading}directory\t/srv/a\nonly\t/srv/a/b\noption\tlist-kept\tyes\n`,
  ],
  [
    'rescue',
    formatRescueRequest({ ...common, ...files, sources: [known], lists: true }),
    `${heading}${directoryLines}secondary\ti-2\t10.0.0.2\t22\t${keyLine(hostKey)}\noption\tlists\tyes\n`,
  ],
  [
    'rescue, of all that is newer',
    formatRescueRequest({ ...common, ...files, sources: [], lists: false }),
    `${heading}${directoryLines}`,
  ],
  ['probe', formatProbeRequest({ ...common, target: known }), `${heading}secondary\ti-2\t10.0.0.2\t22\n`],
  [
    'probe, twice',
    formatProbeRequest({ ...common, target: known, interval: 15 }),
    `${heading}secondary\ti-2\t10.0.0.2\t22\noption\tinterval\t15\n`,
  ],
])('%s', (_name, text, expected) => {
  expect(text).toBe(expected);
});
