import { readFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { eventSchema } from '../../../scripts/event-schemas.ts';
import { composeAlert } from '../../../shared/core/incidents/compose-alert.ts';
import { eventDetailSchemas, parseDomainEvent } from '../../../shared/edge/domain-event-schema.ts';
import { EventError } from '../../../shared/edge/event-error.ts';
import { exampleEvents } from '../core/example-events.ts';
import { instanceId } from '../core/fixtures.ts';
import { line, push, SimulatedResults, start } from '../core/simulated-results.ts';

const docs = new URL('../../../docs/', import.meta.url);
const types = Object.keys(eventDetailSchemas);
const published: unknown = JSON.parse(await readFile(new URL('events.schema.json', docs), 'utf8'));
const guide = await readFile(new URL('events.md', docs), 'utf8');
const ajv = formats.default(new Ajv2020({ allErrors: true, strict: true, strictRequired: false }));
const validate = ajv.compile(eventSchema());

/** What a subscriber who goes by the published schema sees wrong with an event. */
function problems(event: unknown): readonly string[] {
  return validate(event)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
const delivered = ({ type, detail }: { readonly type: string; readonly detail: object }) => {
  return { source: 'hostsync', 'detail-type': type, detail: JSON.parse(JSON.stringify(detail)) };
};

it('docs/events.schema.json is up to date: CONTRIBUTING.md says how to make it', () => {
  expect(published).toEqual(JSON.parse(JSON.stringify(eventSchema())));
});

describe('docs/events.md', () => {
  const examples = [...guide.matchAll(/^### (?<title>.+)\n[^#]*?```json\n(?<json>[\s\S]*?)```/gmu)].map(
    ({ groups }) => {
      const event: unknown = JSON.parse(groups?.['json'] ?? '');
      return [groups?.['title'] ?? '', event] as const;
    },
  );

  it('has an example of every event, and of no other', () => {
    expect(examples.map(([title]) => title).sort()).toEqual([...types].sort());
  });

  it.each(examples)('the example of %s is what EventBridge delivers', (title, event) => {
    expect(problems(event)).toEqual([]);
    expect(parseDomainEvent(event)).toMatchObject({ type: title, detail: { group: 'web' } });
  });

  it('says of every event when it comes, and truly whether it is a message', () => {
    const rows = [...guide.matchAll(/^\| `(?<type>[^`]+)` \| .+ \| (?<message>yes|no) \|$/gmu)];
    expect(rows.map(({ groups }) => groups?.['type'])).toEqual(types);
    for (const { groups } of rows) {
      const event = exampleEvents().find(({ type }) => type === groups?.['type']);
      const told = event !== undefined && composeAlert(event, start) !== undefined;
      expect([groups?.['type'], told]).toEqual([groups?.['type'], groups?.['message'] === 'yes']);
    }
  });
});

describe('every event', () => {
  it.each(exampleEvents().map((event) => [event.type, event] as const))(
    '%s is the same after its journey, and is what the schema says',
    (_type, event) => {
      expect(problems(delivered(event))).toEqual([]);
      expect(parseDomainEvent(delivered(event))).toEqual(event);
    },
  );

  it.each(exampleEvents().map((event) => [event.type, event] as const))(
    '%s without one of its fields is refused by schema and parser alike, with the name of the field',
    (_type, event) => {
      for (const field of Object.keys(event.detail)) {
        const { [field]: _gone, ...detail } = delivered(event).detail;
        const without = delivered({ type: event.type, detail });
        expect(problems(without).join()).toContain(field);
        expect(() => parseDomainEvent(without)).toThrow(EventError);
        expect(() => parseDomainEvent(without)).toThrow(field);
      }
    },
  );

  it('may get fields that a subscriber does not know yet', () => {
    for (const event of exampleEvents()) {
      const more = delivered({ type: event.type, detail: { ...event.detail, news: 1 } });
      expect(problems(more)).toEqual([]);
      expect(parseDomainEvent(more)).toEqual(event);
    }
  });

  it('that recordOutcome makes is one of them', () => {
    const group = new SimulatedResults(2, ['web9.example.com']);
    const unwell = [line(instanceId(2), 'unreachable'), line('web9.example.com', 'unreachable')];
    group.record([push([...unwell, line(instanceId(3), 'ok', start, 1)])]);
    group.tags(1)['hostsync:directories'] = '/etc';
    group.tick();
    group.tags(1)['hostsync:directories'] = '/srv/uploads';
    group.tick([push([line(instanceId(2), 'ok', group.now)], group.now)]);
    expect(group.types()).toEqual([
      'Files Synced',
      'Sync Failed',
      'Configuration Invalid',
      'Group Recovered',
      'Sync Recovered',
    ]);
    for (const event of group.notifications) expect(problems(delivered(event))).toEqual([]);
  });
});
