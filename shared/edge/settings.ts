import * as v from 'valibot';
import { describeIssues } from './issues.ts';

/** What was set at deployment is wrong; the message names every setting with its value and what is allowed. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

const seconds = (least: number, most: number) => whole(least, most, 'seconds');

function whole(least: number, most: number, of: string) {
  const message = `must be a whole number of ${of} from ${least} to ${most}`;
  return v.pipe(
    v.string(message),
    v.regex(/^\d{1,9}$/u, message),
    v.transform(Number),
    v.minValue(least, message),
    v.maxValue(most, message),
  );
}

/** Source: API model of CloudWatch Logs, PutRetentionPolicy. */
const retentions = [
  ...[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731],
  ...[1096, 1827, 2192, 2557, 2922, 3288, 3653],
].map(String);

/** EventBridge wants `minute` for one and `minutes` for more. Source: EventBridge User Guide, rate expressions. */
const rate = /^rate\((?:1 minute|(?:[2-9]|[1-5]\d|60) minutes)\)$/u;
const domainName =
  /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])$/u;

/**
 * EC2 takes any key but those that begin with `aws:`. Conditions of IAM do not tell capitals from small letters in tag keys, and a key has at
 * most 128 characters: 32 leave enough for what follows, in the role policies too, which have at most 10,240.
 * Source: IAM User Guide, tag keys in conditions; EC2 User Guide, tag restrictions; IAM quotas.
 */
const tagPrefix = v.pipe(
  v.string(),
  v.check(
    (prefix) => /^[a-z][a-z0-9-]{0,31}$/u.test(prefix) && prefix !== 'aws',
    'must be 1 to 32 lower-case letters, digits and hyphens, with a letter first, and not aws; the ":" behind it is added',
  ),
);

/** Every setting of a deployment, as text: settings.yml says what they are for, and functions read some of them from their environment. */
export const settings = {
  'tag-prefix': tagPrefix,
  'schedule-rate': v.pipe(
    v.string(),
    v.regex(rate, 'must be rate(1 minute), or rate(N minutes) with N from 2 to 60'),
  ),
  'alert-email': v.pipe(
    v.string(),
    v.regex(/^(?:[^\s@,;]+@[^\s@,;]+)?$/u, 'must be one e-mail address, or empty'),
  ),
  /** A week at most: what is not sent again within that is forgotten. */
  'remind-after': seconds(60, 604_800),
  'group-wait': seconds(0, 3600),
  'group-interval': seconds(0, 3600),
  'behind-after': seconds(30, 86_400),
  'overrun-after': seconds(10, 86_400),
  failover: v.picklist(['auto', 'manual'], 'must be auto or manual'),
  'failover-ticks': whole(1, 60, 'ticks'),
  'promote-within': seconds(30, 604_800),
  'cool-down': seconds(0, 86_400),
  /** Empty where no DNS name is to be moved. */
  'hosted-zone': v.pipe(
    v.string(),
    v.regex(
      /^(?:Z[A-Z0-9]{1,31})?$/u,
      'must be the id of a hosted zone (Z…, without /hostedzone/), or empty',
    ),
  ),
  'dns-names': v.pipe(
    v.string(),
    v.check(
      (names) => names === '' || names.split(',').every((name) => domainName.test(name)),
      'must be domain names in lower case, without a dot at the end, separated by commas without blanks; or empty',
    ),
  ),
  /** A lifecycle hook cannot be held for longer than 48 hours. Source: Auto Scaling User Guide, lifecycle hooks. */
  'join-timeout': seconds(60, 172_800),
  /** Longer than two days is no cache of names. */
  'rescue-quiet': seconds(0, 172_800),
  'join-failure': v.picklist(['ABANDON', 'CONTINUE'], 'must be ABANDON or CONTINUE'),
  'metrics-by-secondary': v.pipe(
    v.picklist(['true', 'false'], 'must be true or false'),
    v.transform((value) => value === 'true'),
  ),
  /** Source: Powertools for AWS Lambda (TypeScript), Logger, log levels. */
  'log-level': v.picklist(
    ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'CRITICAL', 'SILENT'],
    'must be TRACE, DEBUG, INFO, WARN, ERROR, CRITICAL or SILENT',
  ),
  'log-retention-days': v.picklist(retentions, `must be one of ${retentions.join(', ')}`),
} as const;

/** Of a function's name, `hostsync-STAGE-instance-termination`, AWS takes 64 characters. Source: API model of Lambda, FunctionName. */
const longestStage = 64 - 'hostsync--instance-termination'.length;

/**
 * Checks what a deployment was given, before anything is made of it.
 *
 * @param given values by name; numbers and booleans of YAML count as their text
 * @throws {SettingsError} naming all that is unknown, missing or wrong
 */
export function checkSettings(stage: string, given: Readonly<Record<string, unknown>>): void {
  const texts = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, asText(value)]));
  const result = v.safeParse(v.object(settings), texts);
  const found = (result.issues ?? []).map((issue) => describeIssues([issue]));
  for (const name of Object.keys(given))
    if (!Object.hasOwn(settings, name)) found.push(`${name} is no setting${suggestion(name)}`);
  if (stage.length > longestStage)
    found.push(`stage ${JSON.stringify(stage)} must have at most ${longestStage} characters`);
  if ((given['hosted-zone'] === '') !== (given['dns-names'] === ''))
    found.push('hosted-zone and dns-names must both be set, or both be empty');
  if (found.length === 0) return;
  throw new SettingsError(
    `the settings of stage ${JSON.stringify(stage)} are wrong:\n${found.map((line) => `- ${line}`).join('\n')}\nThey stand in settings.yml, or were given with --param`,
  );
}

function asText(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
}

/** The setting that was probably meant, or all of them. */
function suggestion(name: string): string {
  const letters = (text: string) => text.toLowerCase().replaceAll(/[^a-z]/gu, '');
  const names = Object.keys(settings);
  const meant = names.find(
    (each) => letters(each) === letters(name) || letters(each).startsWith(letters(name)),
  );
  return meant === undefined ? `; there are ${names.join(', ')}` : `; did you mean ${meant}?`;
}
