import { join } from 'node:path';
import { expect, it } from 'vitest';
import { assess, causeDigest, type IncidentPolicy } from '../../../../shared/core/incidents/incident.ts';
import { incidentDetail, noticeKey } from '../../../../shared/core/incidents/notice.ts';
import { formatIncident, type Incident } from '../../../../shared/core/model/incident.ts';

// What becomes of an incident, and which messages it sends, observation by observation: npm run unit -- stories -u writes it anew, for you to review.

const start = Date.parse('2026-11-22T10:00:00.000Z');
const minute = 60_000;
const damped: IncidentPolicy = { groupWait: 30, groupInterval: 300, remindAfter: 21_600 };
const undamped: IncidentPolicy = { ...damped, groupInterval: 0 };

interface Story {
  readonly name: string;
  /** Of each observation its minute and `x`, or another letter, for the cause; `?` without a cause, `T` another code without one, `.` healthy. */
  readonly seen: string;
  readonly policy?: IncidentPolicy;
  /** Minutes that it must hold. */
  readonly holds?: number;
  /** No message before this minute. */
  readonly notBefore?: number;
  /** Healthy until this minute, as is known. */
  readonly known?: number;
}

const stories: readonly Story[] = [
  { name: 'over at once, and nothing is kept without damping', seen: '0x 1.', policy: undamped },
  { name: 'over, remembered for an hour and forgotten', seen: '0x 1. 2. 61. 62.' },
  { name: 'back within the hour, which is flapping', seen: '0x 1. 61x 62. 66. 67.' },
  { name: 'back after more than an hour, which is not', seen: '0x 1. 62x 63.' },
  { name: 'back before its end was told, as if it had not been away', seen: '0x 1. 2x 3. 4x 4. 5. 8.' },
  {
    name: 'what was seen at the moment of the end says nothing against it',
    seen: '0x 1. 2x 3. 3x 2x 8.',
  },
  { name: 'gone before it was told', seen: '0x 1. 2x', holds: 5 },
  { name: 'flapping, and gone before it was told again', seen: '0x 5x 6. 7x 8. 9x 14x', holds: 5 },
  { name: 'notified when it has held, not a moment sooner', seen: '0x 4x 5x', holds: 5 },
  { name: 'notifications only when the last message is old enough', seen: '0x 2x 3x', notBefore: 3 },
  { name: 'another cause waits for that too', seen: '0x 6y 8y 9y', notBefore: 9 },
  { name: 'old news: it was healthy since', seen: '0x 3x 4x', known: 3 },
  { name: 'another code without a cause', seen: '0? 1T 5T' },
  {
    name: 'another cause seen before the last message counts for nothing',
    seen: '0x 0y 5y',
    policy: undamped,
  },
  { name: 'a reminder, and none before it is due', seen: '0x 359x 360x 361x 1080x' },
  { name: 'healthy before it began', seen: '5x 4. 5. 6.' },
];

it('of incidents', async () => {
  const texts = stories.map((story) => `${story.name}: ${story.seen}\n${play(story).join('\n')}\n`);
  await expect(texts.join('\n')).toMatchFileSnapshot(join(import.meta.dirname, 'stories.txt'));
});

/** Each observation that changed something. */
function play({ seen, policy = damped, holds = 0, notBefore = 0, known }: Story): readonly string[] {
  let incident: Incident | undefined;
  const lines: string[] = [];
  for (const [, after = '', letter = ''] of seen.matchAll(/(\d+)(\S)/gu)) {
    const at = start + Number(after) * minute;
    const evidence = {
      code: letter === 'T' ? 'timeout' : 'unreachable',
      raised: letter !== '.',
      at,
      for: holds * minute,
      notBefore: start + notBefore * minute,
      ...(/[a-z]/u.test(letter) && { cause: letter }),
      ...(known !== undefined && { knownUntil: start + known * minute }),
    };
    const before = incident;
    const assessed = assess(before, evidence, policy, at);
    incident = assessed.incident;
    if (incident !== before || assessed.notice !== undefined) {
      const { notice } = assessed;
      const subject = incident ?? before;
      const notifications =
        notice === undefined || subject === undefined
          ? []
          : [
              notice,
              JSON.stringify(incidentDetail(subject, notice)),
              JSON.stringify(noticeKey(subject, notice)),
            ];
      lines.push(
        [`${after}${letter}`, incident ? formatIncident(incident) : 'nothing', ...notifications].join('  '),
      );
    }
  }
  return lines;
}

it('a fingerprint of a cause has four characters, whatever the cause', () => {
  for (let cause = 0; cause < 200; cause += 1) expect(causeDigest(String(cause))).toMatch(/^[0-9a-z]{4}$/u);
  expect(Array.from({ length: 200 }, (_, cause) => causeDigest(String(cause))).join()).toContain(',0');
});
