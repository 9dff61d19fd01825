import { afterAll, beforeAll, expect, it } from 'vitest';
import { must, startGroup, type TestGroup, uploads } from './group.ts';

// keep-deleted as an operator asks for it: by the tag of the primary.

let group: TestGroup;
beforeAll(async () => {
  group = await startGroup({ secondaries: 1 });
  await must(group.primary, `cd ${uploads}; echo old > gone; echo x > keep; chown www-data: gone keep`);
  expect((await group.tick()).map(({ ok }) => ok)).toEqual([true]);
});
afterAll(() => group?.close());

async function setOptions(value: string): Promise<void> {
  group.primary.setTags({ 'hostsync:options': value });
  await group.forgetReconciled();
  await group.tick();
}

const limits = () =>
  must(group.secondary(0), 'sed -n "s/.*current keep //p" /etc/hostsync/rsyncd.conf; true');

it('hostsync:options has secondaries join again with other limits, and what is deleted then is kept', async () => {
  expect(await limits()).toBe('');
  await setOptions('nice=5 keep-deleted=30');
  expect(await limits()).toBe('30 1000\n');
  await setOptions('nice=5 keep-deleted=7 keep-max=500');
  expect(await limits()).toBe('7 500\n');
  await must(group.primary, `rm ${uploads}/gone`);
  expect((await group.tick()).map(({ ok }) => ok)).toEqual([true]);
  const kept = '/var/lib/hostsync/kept';
  expect(await must(group.secondary(0), `find ${kept} -type f -printf '%f '; cat ${kept}/*/*/gone`)).toBe(
    'gone old\n',
  );
  await setOptions('nice=5');
  expect(await limits()).toBe('');
  expect(await group.differences()).toEqual([]);
});
