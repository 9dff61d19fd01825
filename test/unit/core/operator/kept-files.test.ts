import { describe, expect, it } from 'vitest';
import type { KeptLine, ScriptLine } from '../../../../shared/core/model/script-line.ts';
import {
  chooseRuns,
  directoryOf,
  earlierRuns,
  keptRuns,
} from '../../../../shared/core/operator/kept-files.ts';

const line = (time: string, directory = '/srv/a'): KeptLine => ({
  kind: 'kept',
  directory,
  time,
  files: 1,
  bytes: 1,
  examples: [],
});
const said = new Map<string, readonly ScriptLine[]>([
  ['i-2', [line('20261103T000000Z'), line('20261101T000000Z'), { kind: 'kept-earlier', runs: 4 }]],
  ['i-3', [line('20261102T000000Z'), line('20261102T000000Z', '/srv/b')]],
  ['i-4', []],
]);

describe('what secondaries keep', () => {
  it('is shown with the newest first, whoever keeps it', () => {
    expect(keptRuns(said).map(({ time, host }) => `${time} ${host}`)).toEqual([
      '20261103T000000Z i-2',
      '20261102T000000Z i-3',
      '20261102T000000Z i-3',
      '20261101T000000Z i-2',
    ]);
    expect([...said.values()].map(earlierRuns)).toEqual([4, 0, 0]);
  });

  it('comes back by the time of the push alone: all directories that it changed, or a reason', () => {
    expect(chooseRuns(keptRuns(said), '20261102T000000Z', 'web')).toMatchObject([
      { host: 'i-3', directory: '/srv/a' },
      { host: 'i-3', directory: '/srv/b' },
    ]);
    expect(chooseRuns(keptRuns(said), '20261102T000001Z', 'web')).toMatchObject({
      advice: expect.stringContaining('hostsync restore web --kept'),
    });
  });

  it.each<[string, string | undefined]>([
    ['/srv/a', '/srv/a'],
    ['/srv/a/b/c', '/srv/a'],
    ['/srv/ab', undefined],
    ['/srv', undefined],
    ['srv/a', undefined],
  ])('%s is in the directory %s', (path, directory) =>
    expect(directoryOf(['/srv/a', '/srv/b'], path)).toBe(directory),
  );
});
