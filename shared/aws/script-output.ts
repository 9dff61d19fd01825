import * as v from 'valibot';
import { isPublicKey } from '../core/model/public-key.ts';
import type { ScriptLine } from '../core/model/script-line.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const seconds = v.pipe(v.number(), v.minValue(0));
const epoch = v.pipe(v.number(), v.integer(), v.minValue(1));
/** As ssh prints it: type and key. What came from a host goes into tags and requests, so its form is held to. */
const publicKey = v.pipe(v.string(), v.check(isPublicKey));

/** What a push says of a secondary. */
const ofSecondary = {
  v: v.literal(1),
  ok: v.boolean(),
  error: v.optional(v.string()),
  message: v.optional(v.string()),
  started: seconds,
  files: count,
  deleted: count,
  bytes: count,
  seconds,
  mode: v.optional(v.picklist(['full', 'changes', 'none', 'verify'])),
  drift: v.optional(count),
  hook: v.optional(v.picklist(['ok', 'failed'])),
  hookMessage: v.optional(v.string()),
  notKept: v.optional(v.string()),
};

/** The same of many secondaries, where a line for each would be more than SSM keeps. Counts are those of the largest. */
const ofSecondaries = v.object({
  ...ofSecondary,
  kind: v.literal('secondaries'),
  ids: v.array(v.string()),
});

/** The lines of docs/host-package.md, version 1. */
const line = v.variant('kind', [
  v.object({ v: v.literal(1), kind: v.literal('join'), epoch, hostKey: publicKey }),
  v.object({
    v: v.literal(1),
    kind: v.literal('promote'),
    epoch,
    publicKey,
    hook: v.optional(v.picklist(['none', 'ok', 'failed'])),
    hookMessage: v.optional(v.string()),
    synced: v.optional(v.object({ at: seconds, epoch, holder: v.optional(v.string()) })),
  }),
  v.object({ ...ofSecondary, kind: v.literal('secondary'), id: v.string() }),
  v.object({
    v: v.literal(1),
    kind: v.literal('deletions-held'),
    id: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/u)),
    count,
    total: count,
    reason: v.string(),
    examples: v.array(v.string()),
  }),
  v.object({
    v: v.literal(1),
    kind: v.literal('deletions-accepted'),
    id: v.string(),
    count,
    message: v.string(),
  }),
  v.object({
    v: v.literal(1),
    kind: v.literal('too-large'),
    directory: v.string(),
    count,
    examples: v.array(v.string()),
  }),
  v.object({
    v: v.literal(1),
    kind: v.literal('extras-deleted'),
    directory: v.string(),
    count,
    secondaries: count,
    ids: v.array(v.string()),
    examples: v.array(v.string()),
  }),
  v.object({
    v: v.literal(1),
    kind: v.literal('leave'),
    prepared: v.boolean(),
    epoch: v.optional(epoch),
    stranded: v.optional(count),
    new: v.optional(count),
    kept: v.optional(count),
    keptIn: v.optional(v.string()),
    tooLong: v.optional(count),
  }),
  v.object({
    v: v.literal(1),
    kind: v.literal('rescue'),
    id: v.string(),
    ok: v.boolean(),
    error: v.optional(v.string()),
    message: v.optional(v.string()),
    // null where nothing had to be listed
    list: v.pipe(
      v.nullish(v.string()),
      v.transform((text) => text ?? undefined),
    ),
    files: v.optional(count),
    conflicts: v.optional(count),
    examples: v.optional(v.array(v.string())),
    keptIn: v.optional(v.string()),
    tooLong: v.optional(count),
    tooLongExamples: v.optional(v.array(v.string())),
  }),
  v.object({
    v: v.literal(1),
    kind: v.literal('kept'),
    directory: v.string(),
    time: v.pipe(v.string(), v.regex(/^\d{8}T\d{6}Z(-[1-9]\d*)?$/u)),
    files: count,
    bytes: count,
    examples: v.array(v.string()),
  }),
  v.object({ v: v.literal(1), kind: v.literal('kept-earlier'), runs: count }),
  v.object({
    v: v.literal(1),
    kind: v.literal('probe'),
    id: v.string(),
    reached: v.boolean(),
    message: v.string(),
  }),
  v.object({
    v: v.literal(1),
    kind: v.literal('directory'),
    directory: v.string(),
    error: v.string(),
    message: v.string(),
  }),
  v.object({ v: v.literal(1), kind: v.literal('install'), release: v.string(), installed: v.boolean() }),
  v.object({
    v: v.literal(1),
    kind: v.literal('push'),
    ok: v.boolean(),
    started: seconds,
    seconds,
    secondaries: v.optional(count),
    busy: v.optional(count),
  }),
  v.object({
    v: v.literal(1),
    kind: v.literal('watch'),
    rung: v.string(),
    ended: v.string(),
    cycles: count,
    walks: count,
    arrivals: count,
    p50: seconds,
    p99: seconds,
    max: seconds,
  }),
  v.object({ v: v.literal(1), kind: v.literal('error'), error: v.string(), message: v.string() }),
]);

/**
 * What a script of host/ printed. A line that is none of ours is passed over: SSM cuts long output off in the middle of
 * a line, and an older script may print what this version does not know.
 */
export function parseScriptOutput(output: string): readonly ScriptLine[] {
  return output.split('\n').flatMap((text) => {
    const json = parseJson(text);
    const several = v.safeParse(ofSecondaries, json);
    if (several.success) {
      const { ids, ...same } = several.output;
      return ids.map((id) => ({ ...same, kind: 'secondary' as const, id }));
    }
    const result = v.safeParse(line, json);
    return result.success ? [result.output] : [];
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
