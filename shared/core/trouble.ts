import { words } from './tag-problem.ts';

/**
 * Something that is wrong with a group or a host, as it is kept in a tag. What was told about it is part of it, so that
 * every run knows and nothing is told twice.
 */
export interface Trouble {
  readonly code: string;
  /** Milliseconds since 1970: the start of the first look or push that found it. */
  readonly since: number;
  /** How often it was told: 0 while it waits for a second look, then 1, then one more for each reminder. */
  readonly told: number;
}

/** What one look, or one push, says about one kind of trouble. */
export interface Evidence {
  readonly code: string;
  readonly raised: boolean;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Milliseconds that it has to last before it is told: for what an old read of tags can feign. */
  readonly confirmAfter?: number;
}

/** What becomes of a trouble, and what is to be told. */
export interface Verdict {
  readonly trouble: Trouble | undefined;
  readonly tell: 'failure' | 'recovery' | undefined;
}

/**
 * Takes one piece of evidence into account. The same evidence again changes nothing, and evidence that is older than
 * what is known already does not count, so results may come twice, late and in any order.
 *
 * @param knownUntil milliseconds since 1970: what was well then makes earlier failures old news
 * @param remindAfter milliseconds between two messages on the same trouble
 */
export function weigh(
  trouble: Trouble | undefined,
  evidence: Evidence,
  knownUntil: number,
  now: number,
  remindAfter: number,
): Verdict {
  const { code, at, confirmAfter = 0 } = evidence;
  if (!evidence.raised) {
    if (trouble === undefined || at <= trouble.since) return { trouble, tell: undefined };
    return { trouble: undefined, tell: trouble.told > 0 ? 'recovery' : undefined };
  }
  if (trouble === undefined) {
    if (at <= knownUntil) return { trouble, tell: undefined };
    const told = confirmAfter > 0 ? 0 : 1;
    return { trouble: { code, since: at, told }, tell: told === 0 ? undefined : 'failure' };
  }
  const lasted = now - trouble.since;
  if (trouble.told === 0)
    return lasted < confirmAfter
      ? { trouble, tell: undefined }
      : { trouble: { ...trouble, told: 1 }, tell: 'failure' };
  const due = Math.floor(lasted / remindAfter) + 1;
  return due <= trouble.told
    ? { trouble, tell: undefined }
    : { trouble: { ...trouble, told: due }, tell: 'failure' };
}

const form =
  /^(?:(?<subject>[^/]+)\/)?(?<code>[a-z-]{1,40})\/(?<since>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\/(?<told>\d{1,9})$/u;

/** `unreachable/2026-11-22T10:00:00.123Z/1`, with the host before it where the tag does not belong to the host itself. */
export function formatTrouble({ code, since, told }: Trouble, subject?: string): string {
  const text = `${code}/${new Date(since).toISOString()}/${told}`;
  return subject === undefined ? text : `${subject}/${text}`;
}

/** The troubles of a tag value, each with its subject ('' for none). What cannot be read is left out: it is found and told again. */
export function parseTroubles(value: string | undefined): readonly (readonly [string, Trouble])[] {
  return words(value ?? '').flatMap((word) => {
    const groups = form.exec(word)?.groups;
    const since = Date.parse(groups?.['since'] ?? '');
    if (groups === undefined || Number.isNaN(since)) return [];
    const { subject = '', code = '', told } = groups;
    return [[subject, { code, since, told: Number(told) }] as const];
  });
}
