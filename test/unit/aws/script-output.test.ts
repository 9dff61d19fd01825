import { expect, it } from 'vitest';
import { parseScriptOutput } from '../../../shared/aws/script-output.ts';

const secondary =
  '{"v":1,"kind":"secondary","id":"i-1","ok":true,"started":1.5,"files":3,"deleted":0,"bytes":9,"seconds":0.2}';
const key = `ssh-ed25519 ${'A'.repeat(68)}`;

it('reads the lines of the scripts', () => {
  const join = `{"v":1,"kind":"join","group":"web","epoch":2,"changed":true,"hostKey":"${key}"}`;
  expect(parseScriptOutput(`${secondary}\n${join}\n`)).toMatchObject([
    { kind: 'secondary', id: 'i-1', files: 3 },
    { kind: 'join', epoch: 2, hostKey: key },
  ]);
});

it('reads a line for many secondaries as one for each', () => {
  const grouped = secondary.replace('"secondary","id":"i-1"', '"secondaries","ids":["i-1","i-2"]');
  expect(parseScriptOutput(grouped)).toEqual([
    expect.objectContaining({ kind: 'secondary', id: 'i-1', ok: true, files: 3 }),
    expect.objectContaining({ kind: 'secondary', id: 'i-2', ok: true, files: 3 }),
  ]);
});

it.each([
  ['cut off by SSM', `${secondary}\n{"v":1,"kind":"secondary","id":"i-2","ok":tr\n--output truncated--`],
  ['of another version', `${secondary}\n{"v":2,"kind":"secondary"}`],
  ['of a shell', `bash: warning\n${secondary}\n`],
  ['with a count below zero', `${secondary}\n${secondary.replace('"files":3', '"files":-1')}`],
  ['with errors behind', `${secondary}\n----------ERROR-------\nlog`],
])('passes over what is none of ours: %s', (_name, output) => {
  expect(parseScriptOutput(output).length).toBe(1);
});

it.each(['ssh-rsa AAAA', `${key}\nssh-ed25519 BBBB`, 'no key', `${key} comment; rm -rf /`])(
  'lets no key into a tag that is not one line of type and key: %s',
  (hostKey) => {
    expect(parseScriptOutput(JSON.stringify({ v: 1, kind: 'join', epoch: 1, hostKey }))).toEqual([]);
  },
);

it('reads what was deleted for good, what was accepted, and what nobody could fetch', () => {
  const of = (kind: string, more: object) => JSON.stringify({ v: 1, kind, ...more });
  const extras = { directory: '/srv/a', count: 2, secondaries: 1, ids: ['i-1'], examples: ['/srv/a/x'] };
  const accepted = { id: '5c1f00d2a94be317', count: 81, message: 'accepted' };
  const kept = { kept: 2, keptIn: '/var/lib/hostsync/rescued/x', tooLong: 1 };
  const leave = { prepared: false, epoch: 3, ...kept };
  const rescue = { id: 'i-1', ok: true, list: '/l', keptIn: '/k', tooLong: 1, tooLongExamples: ['/srv/a/l'] };
  const text = [of('extras-deleted', extras), of('deletions-accepted', accepted), of('leave', leave)];
  expect(parseScriptOutput([...text, of('rescue', rescue)].join('\n'))).toMatchObject([
    extras,
    accepted,
    leave,
    rescue,
  ]);
});

it('a rescue that had nothing to list is one that ended: else it would be asked for again and again', () => {
  const text =
    '{"v":1,"kind":"rescue","id":"i-1","ok":true,"files":0,"conflicts":0,"bytes":0,"seconds":0.1,"examples":[],"list":null}';
  expect(parseScriptOutput(text)).toMatchObject([{ kind: 'rescue', id: 'i-1', ok: true, list: undefined }]);
});

it('of what a former primary lists it is known for which epoch: a list for another primary does not count', () => {
  const text =
    '{"v":1,"kind":"leave","prepared":false,"epoch":3,"stranded":2,"known":true,"examples":["/srv/a"]}';
  expect(parseScriptOutput(text)).toMatchObject([{ kind: 'leave', prepared: false, epoch: 3, stranded: 2 }]);
});
