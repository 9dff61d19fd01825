import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { composeRecovery } from '../../../shared/core/incidents/alarm-recovery.ts';
import { composeAlert } from '../../../shared/core/incidents/compose-alert.ts';
import { runbookOf, runbookOfAlarms } from '../../../shared/core/incidents/runbook.ts';
import { exampleEvents, since } from './example-events.ts';

const root = resolve(import.meta.dirname, '../../..');
const folder = 'docs/runbooks';
const at = Date.parse(since);
const pages = readdirSync(join(root, folder)).filter((name) => name !== 'README.md');
const index = readFileSync(join(root, folder, 'README.md'), 'utf8');
const notified = exampleEvents().filter((event) => composeAlert(event, at) !== undefined);

describe.each(notified.map((event) => [event.type, event] as const))(
  'an alert on %s at night',
  (_, event) => {
    it('ends with the path of a page that exists and says what to do', () => {
      const path = runbookOf(event);
      expect(composeAlert(event, at)?.body).toMatch(new RegExp(`\\n\\nRunbook: ${path}\\n$`, 'u'));
      const page = readFileSync(join(root, path), 'utf8');
      for (const part of ['**Meaning.**', '**Impact.**', '## First look', '## What to do'])
        expect(page, path).toContain(part);
      expect(page, path).toMatch(/\*\*Resolves\*\* when|\*\*Resolves\*\* at|it has no resolution/u);
    });
  },
);

it('the end of an alarm names the page on alarms, which has every alarm of the stack', () => {
  const recovery = { id: 'a', alarm: 'x', reason: 'y', beganAt: at, endedAt: at + 60_000 };
  expect(composeRecovery(recovery).body).toContain(`Runbook: ${runbookOfAlarms}\n`);
  const page = readFileSync(join(root, runbookOfAlarms), 'utf8');
  const alarms = readFileSync(join(root, 'infra', 'alarms.yml'), 'utf8').matchAll(
    /^ {2}(\w+(?:Alarm|Errors)):$/gmu,
  );
  for (const [, name = ''] of alarms) expect(page).toContain(`\`${name}\``);
});

it('every page belongs to an alert and stands in the index: nobody is sent to a page of the past', () => {
  const named = new Set([...notified.map((event) => runbookOf(event)), runbookOfAlarms]);
  expect(pages.map((name) => `${folder}/${name}`).sort()).toEqual([...named].sort());
  for (const name of pages) expect(index).toContain(`(${name})`);
});

it('each saved query that a page names exists', () => {
  const queries = readFileSync(join(root, 'infra', 'queries.yml'), 'utf8');
  const named = pages.flatMap((name) => {
    const page = readFileSync(join(root, folder, name), 'utf8');
    return [...page.matchAll(/saved query:? `([\w-]+)`/giu)].map(([, query = '']) => query);
  });
  expect(named.length).toBeGreaterThan(15);
  for (const query of named) expect(queries).toContain(`/${query}\n`);
});
