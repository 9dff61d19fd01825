/** Prints docs/events.schema.json. Calls: node scripts/event-schemas.ts > docs/events.schema.json */
import { pathToFileURL } from 'node:url';
import { toJsonSchema } from '@valibot/to-json-schema';
import { eventSource } from '../shared/core/model/domain-event.ts';
import { eventDetailSchemas } from '../shared/edge/domain-event-schema.ts';

/** The JSON Schema (2020-12) of all events as EventBridge delivers them; `$defs` has that of each detail, by its type. */
export function eventSchema(): object {
  const details = Object.entries(eventDetailSchemas).map(([type, schema]) => {
    const { $schema: _same, ...detail } = toJsonSchema(schema, {
      target: 'draft-2020-12',
      errorMode: 'throw',
      // Patterns of JSON Schema are Unicode ones already, and have no flags
      overrideAction: ({ valibotAction, jsonSchema }) =>
        valibotAction.type === 'regex' &&
        'requirement' in valibotAction &&
        valibotAction.requirement instanceof RegExp
          ? { ...jsonSchema, pattern: valibotAction.requirement.source }
          : undefined,
    });
    return [type, detail] as const;
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Events of hostsync',
    description:
      'Made by scripts/event-schemas.ts of shared/edge/domain-event-schema.ts; explained in docs/events.md',
    type: 'object',
    required: ['source', 'detail-type', 'detail'],
    properties: { source: { const: eventSource }, 'detail-type': { enum: details.map(([type]) => type) } },
    allOf: details.map(([type]) => ({
      if: { properties: { 'detail-type': { const: type } } },
      // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
      then: { properties: { detail: { $ref: `#/$defs/${encodeURIComponent(type)}` } } },
    })),
    $defs: Object.fromEntries(details),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  console.log(JSON.stringify(eventSchema(), null, 2));
