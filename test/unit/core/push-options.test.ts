import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isWatched, parsePushOptions } from '../../../shared/core/model/push-options.ts';
import { formatPushRequest, planned } from '../../../shared/core/model/request.ts';

const parse = (value: string | undefined) => parsePushOptions('i-1', value);

describe('hostsync:options', () => {
  it('is a list of names and whole numbers, which become lines of the request', () => {
    const options = parse(' bandwidth=20000  nice=10 ');
    if (!options.ok) throw new Error('fixture');
    const request = { group: 'web', epoch: 1, directories: [], excludes: [], secondaries: [] };
    expect(formatPushRequest({ ...request, options: options.value })).toBe(
      'group\tweb\nepoch\t1\noption\tbandwidth\t20000\noption\tnice\t10\n',
    );
  });

  it.each([undefined, '', '  '])('may be absent or empty: %j', (value) => {
    expect(parse(value)).toEqual({ ok: true, value: new Map() });
  });

  it.each([
    ['no value', 'nice', 'not of the form name=value'],
    ['two values', 'nice=1=2', 'not of the form name=value'],
    ['an unknown name', 'niceness=1', 'no such option'],
    ['a name of every object', 'constructor=1', 'no such option'],
    ['what is not for an operator', 'first=1', 'no such option'],
    ['too much', 'nice=20', 'out of range'],
    ['too little', 'parallel=0', 'out of range'],
    ['more than the agent gives a push', 'push-timeout=3301', 'out of range'],
    ['less than nothing', 'nice=-1', 'out of range'],
    ['more days than a year', 'keep-deleted=366', 'out of range'],
    ['no room for what is kept', 'keep-max=0', 'out of range'],
    ['nothing', 'nice=', 'out of range'],
    ['a unit', 'bandwidth=20M', 'out of range'],
    ['a broken number', 'nice=1.5', 'out of range'],
    ['an octal number', 'nice=010', 'out of range'],
    ['a sum', 'bandwidth=1+1', 'out of range'],
    ['a watch that no operator asks for', 'watch=end', 'out of range'],
    ['a lease that ends before the next tick', 'lease=60', 'out of range'],
    ['a lease that outlives its command', 'lease=3001', 'out of range'],
  ])('is refused with %s', (_name, value, problem) => {
    const result = parse(value);
    expect(result.ok ? [] : result.problems).toMatchObject([
      { instance: 'i-1', tag: 'hostsync:options', value, problem: expect.stringContaining(problem) },
    ]);
  });

  it('is refused where a name is there twice', () => {
    expect(parse('nice=1 nice=2').ok).toBe(false);
  });

  it('may have words, of those that push takes', () => {
    expect(parse('after-sync=yes')).toEqual({ ok: true, value: new Map([['after-sync', 'yes']]) });
    const result = parse('after-sync=no');
    expect(result.ok ? [] : result.problems).toMatchObject([{ remedy: 'use yes' }]);
  });

  it('takes nothing that push refuses', () => {
    const script = readFileSync(new URL('../../../host/hostsync_host/options.py', import.meta.url), 'utf8');
    const bounds = script.matchAll(/^ +"([a-z-]+)": _number\("push[a-z ]*", (\d+), (\d+)\),$/gmu);
    const seen = [...bounds].map(([, name, least, most]) => {
      expect(parse(`${name}=${least}`).ok, name).toBe(true);
      expect(parse(`${name}=${Number(most) + 1}`).ok, name).toBe(false);
      return name;
    });
    expect(seen.length).toBe(12);
    const ofWatch = [...script.matchAll(/^ +"([a-z-]+)": _of_watch\((\d+), (\d+)\),$/gmu)];
    const shared = ofWatch.filter(([, name]) => name !== 'tick' && name !== 'lease');
    for (const [, name, least, most] of shared) {
      expect(parse(`${name}=${least}`).ok, name).toBe(true);
      expect(parse(`${name}=${most}`).ok, name).toBe(true);
      expect(parse(`${name}=${Number(most) + 1}`).ok, name).toBe(false);
    }
    expect(shared.map(([, name]) => name)).toEqual(['quiet', 'hold', 'walk-every', 'max-cpu']);
  });

  it('watch: only asked for where the tag says so, and then with a lease that outlives a lost tick', () => {
    const lines = (value: string, tickSeconds = 60) => {
      const options = parse(value);
      if (!options.ok) throw new Error(JSON.stringify(options.problems));
      const request = { group: 'web', epoch: 1, directories: [], excludes: [], secondaries: [] };
      const watch = isWatched(options.value) ? { watch: 'auto' as const } : {};
      const all = planned({ ...request, ...watch, options: options.value }, 'i-1', { tick: 7, tickSeconds });
      return formatPushRequest(all)
        .split('\n')
        .flatMap((line) => (line.startsWith('option') ? [line.replaceAll('\t', ' ')] : []));
    };
    expect(lines('nice=3')).toEqual(['option nice 3', 'option tick 7']);
    expect(lines('watch=off quiet=100 nice=3')).toEqual(['option nice 3', 'option tick 7']);
    const all = ['option watch auto', 'option lease 150', 'option tick 7'];
    expect(lines('watch=auto')).toEqual(all);
    expect(lines('watch=auto quiet=100')).toEqual(['option quiet 100', ...all]);
    expect(lines('watch=auto lease=90')).toContain('option lease 90');
    expect(lines('watch=auto', 1800)).toContain('option lease 3000');
  });
});
