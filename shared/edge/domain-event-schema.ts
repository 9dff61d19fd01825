import * as v from 'valibot';
import type { DomainEvent, EventType } from '../core/model/domain-event.ts';
import { eventSource } from '../core/model/domain-event.ts';
import { intentionKinds } from '../core/model/intention.ts';
import { EventError } from './event-error.ts';
import { describeIssues } from './issues.ts';

const timestamp = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const seconds = v.pipe(v.number(), v.minValue(0));
const text = v.string();

const common = {
  version: v.literal(1),
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/u)),
  group: v.string(),
};
const detail = {
  since: timestamp,
  reminder: count,
  changed: v.optional(v.boolean()),
  flaps: v.optional(count),
};

/** One schema an event: the form of its detail. */
const details = {
  'Files Synced': v.object({
    ...common,
    primary: text,
    requestedAt: timestamp,
    seconds,
    files: count,
    deleted: count,
    bytes: count,
    secondaries: v.array(v.object({ secondary: text, files: count, deleted: count, bytes: count, seconds })),
  }),
  'Sync Failed': v.object({
    ...common,
    ...detail,
    primary: text,
    secondaries: v.array(
      v.object({
        secondary: text,
        error: text,
        message: text,
        syncedAt: v.optional(timestamp),
        secondsBehind: v.optional(seconds),
      }),
    ),
  }),
  'Sync Recovered': v.object({
    ...common,
    primary: text,
    syncedAt: timestamp,
    secondaries: v.array(v.object({ secondary: text, error: text, since: timestamp, seconds })),
  }),
  'Secondary Joined': v.object({ ...common, secondary: text, syncedAt: timestamp }),
  'Secondary Left': v.object({ ...common, secondary: text, primary: text }),
  'Join Failed': v.object({
    ...common,
    ...detail,
    secondary: text,
    message: text,
    final: v.boolean(),
    member: v.optional(v.boolean()),
    unrescued: v.optional(v.boolean()),
  }),
  'Push Failed': v.object({ ...common, ...detail, primary: text, error: text, message: text }),
  'Push Overrun': v.object({ ...common, ...detail, primary: text, command: text, seconds }),
  'Directory Not Pushed': v.object({
    ...common,
    ...detail,
    primary: text,
    directories: v.array(v.object({ directory: text, error: text, message: text })),
  }),
  'Deletions Held': v.object({
    ...common,
    ...detail,
    primary: text,
    deletions: text,
    count,
    total: count,
    message: text,
    examples: v.array(text),
  }),
  'No Primary': v.object({ ...common, ...detail, instances: v.array(text) }),
  'Several Primaries': v.object({ ...common, ...detail, primaries: v.array(text) }),
  'Primary Unavailable': v.object({ ...common, ...detail, primary: text, message: text }),
  'Configuration Invalid': v.object({ ...common, ...detail, message: text }),
  'Primary Promoted': v.object({
    ...common,
    primary: text,
    from: text,
    epoch: count,
    why: text,
    claimedAt: timestamp,
    kind: v.picklist(['adopted', 'failover', 'switchover']),
    secondsAtRisk: v.nullable(seconds),
    seconds,
  }),
  'Promotion Blocked': v.object({
    ...common,
    ...detail,
    primary: text,
    why: text,
    message: text,
    epoch: count,
    directories: text,
    candidates: v.array(v.object({ instance: text, blocker: text, state: v.optional(text) })),
  }),
  'Writes Not Resumed': v.object({ ...common, ...detail, primary: text, message: text }),
  'Primary Suspected': v.object({
    ...common,
    ...detail,
    primary: text,
    signs: v.array(text),
    seen: v.array(text),
  }),
  'Files Rescued': v.object({
    ...common,
    primary: text,
    from: text,
    files: count,
    conflicts: count,
    examples: v.array(text),
    list: text,
    keptIn: v.optional(text),
    tooLong: v.optional(count),
    tooLongExamples: v.optional(v.array(text)),
  }),
  'Files Kept': v.object({
    ...common,
    primary: text,
    from: text,
    files: count,
    tooLong: count,
    keptIn: text,
  }),
  'Files Too Large': v.object({
    ...common,
    ...detail,
    primary: text,
    directories: v.array(v.object({ directory: text, count, examples: v.array(text) })),
  }),
  'Action Observed': v.object({
    ...common,
    action: v.picklist(intentionKinds),
    hosts: v.array(text),
    reason: text,
    since: timestamp,
  }),
  'Hook Failed': v.object({
    ...common,
    ...detail,
    primary: text,
    hook: text,
    count,
    secondaries: v.array(v.object({ secondary: text, message: text })),
  }),
  'Deletions Not Kept': v.object({
    ...common,
    ...detail,
    primary: text,
    count,
    secondaries: v.array(v.object({ secondary: text, message: text })),
  }),
  'Extra Files Deleted': v.object({
    ...common,
    primary: text,
    requestedAt: timestamp,
    directories: v.array(
      v.object({
        directory: text,
        count,
        secondaries: count,
        instances: v.array(text),
        examples: v.array(text),
      }),
    ),
  }),
  'Rescue Failed': v.object({ ...common, ...detail, primary: text, from: text, message: text }),
  'Group Recovered': v.object({
    ...common,
    instance: v.optional(text),
    since: timestamp,
    seconds,
    from: v.picklist([
      ...([
        'Push Failed',
        'Push Overrun',
        'Directory Not Pushed',
        'Files Too Large',
        'Deletions Held',
        'No Primary',
        'Hook Failed',
        'Deletions Not Kept',
      ] as const),
      ...(['Several Primaries', 'Primary Unavailable', 'Configuration Invalid'] as const),
      ...([
        'Primary Suspected',
        'Promotion Blocked',
        'Writes Not Resumed',
        'Join Failed',
        'Rescue Failed',
      ] as const),
    ]),
  }),
} satisfies {
  readonly [Type in EventType]: v.GenericSchema<unknown, Extract<DomainEvent, { type: Type }>['detail']>;
};

/** The schema of the detail of each event, by its type. docs/events.schema.json is made of them. */
export const eventDetailSchemas: Readonly<Record<EventType, v.GenericSchema>> = details;

const envelope = v.object({
  source: v.literal(eventSource, `is not "${eventSource}"`),
  'detail-type': v.string('is no text'),
  detail: v.unknown(),
});

function variant<Type extends EventType>(type: Type) {
  return v.object({ type: v.literal(type), detail: details[type] });
}

const domainEvent: v.GenericSchema<unknown, DomainEvent> = v.variant('type', [
  variant('Files Synced'),
  variant('Sync Failed'),
  variant('Sync Recovered'),
  variant('Secondary Joined'),
  variant('Secondary Left'),
  variant('Join Failed'),
  variant('Push Failed'),
  variant('Push Overrun'),
  variant('Directory Not Pushed'),
  variant('Deletions Held'),
  variant('No Primary'),
  variant('Several Primaries'),
  variant('Primary Unavailable'),
  variant('Configuration Invalid'),
  variant('Primary Promoted'),
  variant('Promotion Blocked'),
  variant('Writes Not Resumed'),
  variant('Primary Suspected'),
  variant('Files Rescued'),
  variant('Files Kept'),
  variant('Action Observed'),
  variant('Hook Failed'),
  variant('Deletions Not Kept'),
  variant('Files Too Large'),
  variant('Extra Files Deleted'),
  variant('Rescue Failed'),
  variant('Group Recovered'),
]);

/**
 * An event of hostsync's own, as EventBridge delivers it.
 *
 * @throws {EventError} naming each field that is wrong
 */
export function parseDomainEvent(event: unknown): DomainEvent {
  const head = v.safeParse(envelope, event);
  if (!head.success) throw new EventError(`not an event of hostsync: ${describeIssues(head.issues)}`);
  const { 'detail-type': type, detail } = head.output;
  const result = v.safeParse(domainEvent, { type, detail });
  if (result.success) return result.output;
  throw new EventError(`not a "${type}" as docs/events.md has it: ${describeIssues(result.issues)}`);
}
