import { expect, it } from 'vitest';
import { advance, isYoung, type Step } from '../../../shared/core/membership/advance.ts';
import type { ObservedCommand } from '../../../shared/core/model/observation.ts';
import type { ScriptLine } from '../../../shared/core/model/script-line.ts';
import { formatTask, parseTask, type Task } from '../../../shared/core/model/task.ts';
import { outcomeOf } from '../../../shared/core/model/task-outcome.ts';

const now = Date.parse('2026-11-22T10:00:00.000Z');
const command = '01234567-89ab-cdef-0123-456789abcdef';
const host = 'i-1';
const asked = (secondsAgo: number, step: Task['step'] = 'join'): Task => {
  return { step, pass: 1, digest: '0123456789abcdef', command, requestedAt: now - secondsAgo * 1000 };
};
const observed = (commands: readonly ObservedCommand[]) => {
  return { observed: { instances: [], agents: [], lifecycles: new Map(), commands }, now };
};
const ended = (
  status: ObservedCommand['status'],
  lines: readonly ScriptLine[] = [],
  on = host,
): ObservedCommand => ({ command, instance: on, status, detail: 'Failed', lines });

const refused: ScriptLine = { kind: 'error', error: 'not-ready', message: 'rsync is missing' };
const older: ScriptLine = { kind: 'error', error: 'older-epoch', message: 'follows epoch 4' };
const probed: ScriptLine = { kind: 'probe', id: 'i-2', reached: true, message: 'SSH answers' };
const rescued: ScriptLine = { kind: 'rescue', id: 'i-2', ok: false };
const served: ScriptLine = {
  kind: 'secondary',
  id: 'i-2',
  ok: false,
  started: 0,
  files: 0,
  deleted: 0,
  bytes: 0,
  seconds: 0,
};

it.each<[string, Task, readonly ObservedCommand[], unknown]>([
  [
    'SSM does not show it yet',
    asked(59),
    [],
    { kind: 'under-way', reason: `SSM does not show the command ${command} yet` },
  ],
  [
    'SSM shows it of another host alone',
    asked(1),
    [ended('succeeded', [], 'i-9')],
    { kind: 'under-way', reason: `SSM does not show the command ${command} yet` },
  ],
  [
    'SSM does not know it',
    asked(60),
    [],
    { kind: 'again', reason: `SSM does not know the command ${command}`, failed: false, stale: false },
  ],
  ['it runs', asked(12), [ended('under-way')], { kind: 'under-way', reason: 'join runs since 12 s' }],
  ['it succeeded', asked(1), [ended('succeeded')], { kind: 'ended', command: ended('succeeded') }],
  [
    'one host of a push failed',
    asked(1),
    [ended('failed', [served])],
    { kind: 'ended', command: ended('failed', [served]) },
  ],
  [
    'one source of a rescue failed',
    asked(1),
    [ended('failed', [rescued])],
    { kind: 'ended', command: ended('failed', [rescued]) },
  ],
  [
    'it failed just now',
    asked(14),
    [ended('failed', [probed, refused])],
    { kind: 'failed', reason: 'join failed on i-1 (Failed): not-ready: rsync is missing', stale: false },
  ],
  [
    'it failed a while ago, without a word',
    asked(15),
    [ended('failed')],
    { kind: 'again', reason: 'join failed on i-1 (Failed)', failed: true, stale: false },
  ],
  [
    'it was asked for in the name of an epoch that is over',
    asked(1),
    [ended('failed', [older])],
    { kind: 'failed', reason: 'join failed on i-1 (Failed): older-epoch: follows epoch 4', stale: true },
  ],
])('how far a task is: %s', (_name, task, commands, expected) => {
  expect(outcomeOf(task, host, observed(commands))).toEqual(expected);
});

const step: Step<string> = {
  step: 'join',
  digest: '0123456789abcdef',
  host,
  because: 'it is new',
  send: (reason, task, failed) => [`send ${reason} ${task?.command ?? 'first'} ${failed ?? '-'}`],
  wait: (reason, soon) => [`wait ${reason} ${soon}`],
  report: (reason) => [`report ${reason}`],
  ended: (done) => [`ended ${done.status}`],
};

it.each<[string, Task | undefined, readonly ObservedCommand[], readonly string[]]>([
  ['nothing was asked for', undefined, [], ['send it is new first -']],
  ['something else was asked for', asked(1, 'leave'), [], ['send it is new first -']],
  ['it was asked for otherwise', { ...asked(1), digest: '-' }, [], ['send it is new first -']],
  ['it runs', asked(1), [ended('under-way')], ['wait join runs since 1 s true']],
  [
    'it failed just now',
    asked(1),
    [ended('failed')],
    ['report join failed on i-1 (Failed)', 'wait join failed on i-1 (Failed) false'],
  ],
  [
    'it failed just now, and nobody is to blame',
    asked(1),
    [ended('failed', [older])],
    ['wait join failed on i-1 (Failed): older-epoch: follows epoch 4 false'],
  ],
  [
    'it failed a while ago',
    asked(20),
    [ended('failed')],
    ['report join failed on i-1 (Failed)', `send join failed on i-1 (Failed) ${command} true`],
  ],
  [
    'it failed a while ago, and nobody is to blame',
    asked(20),
    [ended('failed', [older])],
    [`send join failed on i-1 (Failed): older-epoch: follows epoch 4 ${command} true`],
  ],
  ['it is lost', asked(60), [], [`send SSM does not know the command ${command} ${command} false`]],
  ['it ended', asked(1), [ended('succeeded')], ['ended succeeded']],
])('what follows: %s', (_name, task, commands, expected) => {
  expect(advance(task, step, observed(commands))).toEqual(expected);
});

it('a step without a digest goes on with whatever was asked for', () => {
  const { digest: _, ...any } = step;
  expect(advance({ ...asked(1), digest: '-' }, any, observed([ended('succeeded')]))).toEqual([
    'ended succeeded',
  ]);
});

it('is young for less than so many seconds', () => {
  expect([isYoung(asked(14), 15, now), isYoung(asked(15), 15, now)]).toEqual([true, false]);
});

it('a task is read as it was written, and nothing else is a task', () => {
  for (const each of [asked(1), { ...asked(1, 'undo-demotion'), pass: 9999, digest: '-' }])
    expect(parseTask(formatTask(each))).toEqual(each);
  const text = formatTask(asked(1));
  for (const wrong of [
    undefined,
    '',
    text.replace('join', 'dance'),
    text.replace(' 1 ', ' 0 '),
    text.replace(' 1 ', ' 12345 '),
    text.replace('0123456789abcdef', '0123'),
    text.replace(command, 'c'),
    `${text} `,
    ` ${text}`,
    text.replace('2026-11-22T', '2026-13-42T'),
    text.replace('Z', ''),
  ])
    expect([wrong, parseTask(wrong)]).toEqual([wrong, undefined]);
});
