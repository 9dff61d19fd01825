import { LocalCloudError } from '../base/errors.ts';

/**
 * Checks a schedule expression as EventBridge does.
 *
 * @returns the interval of a `rate`, in seconds; undefined for a `cron`, whose times do not matter here
 * @throws LocalCloudError when EventBridge would refuse it
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
 */
export function parseSchedule(expression: string): number | undefined {
  const [, count, unit] = /^rate\((\d+) (minutes?|hours?|days?)\)$/.exec(expression) ?? [];
  if (count !== undefined && unit !== undefined) {
    const number = Number(count);
    const plural = unit.endsWith('s');
    if (number < 1 || plural === (number === 1)) {
      throw new LocalCloudError(
        `${expression}: EventBridge wants \`rate(1 minute)\` but \`rate(2 minutes)\``,
      );
    }
    const seconds: Readonly<Record<string, number>> = { minute: 60, hour: 3600, day: 86_400 };
    return number * (seconds[plural ? unit.slice(0, -1) : unit] ?? 0);
  }
  const [, fields] = /^cron\(([^()]*)\)$/.exec(expression) ?? [];
  const parts = fields?.split(' ') ?? [];
  const [, , dayOfMonth, , dayOfWeek] = parts;
  const wellFormed = parts.length === 6 && parts.every((part) => /^[A-Z0-9*,/?#-]+$/.test(part));
  if (!wellFormed || (dayOfMonth === '?') === (dayOfWeek === '?')) {
    throw new LocalCloudError(
      `${expression} is not a schedule expression: rate(VALUE UNIT), or cron of six fields with one ? for a day`,
    );
  }
  return undefined;
}
