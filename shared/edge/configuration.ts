import * as v from 'valibot';
import { describeIssues } from './issues.ts';

/** The environment does not hold what a function needs; the message names every variable at once. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

const documentName = v.pipe(
  v.string(),
  // Source: API model of SSM, DocumentName of SendCommand
  v.regex(/^[a-zA-Z0-9_\-.:/]{3,128}$/u, 'is not the name of an SSM document'),
);

const seconds = (least: number, most: number) => whole(least, most, 'seconds');

function whole(least: number, most: number, of: string) {
  const message = `is no whole number of ${of} from ${least} to ${most}`;
  return v.pipe(
    v.string(),
    v.regex(/^\d{1,9}$/u, message),
    v.transform(Number),
    v.minValue(least, message),
    v.maxValue(most, message),
  );
}

const joining = {
  HOSTSYNC_PUSH_DOCUMENT: documentName,
  HOSTSYNC_JOIN_DOCUMENT: documentName,
  HOSTSYNC_PROMOTE_DOCUMENT: documentName,
  HOSTSYNC_LEAVE_DOCUMENT: documentName,
  HOSTSYNC_RESCUE_DOCUMENT: documentName,
  HOSTSYNC_PROBE_DOCUMENT: documentName,
  /** A lifecycle hook cannot be held for longer than 48 hours. Source: Auto Scaling User Guide, lifecycle hooks. */
  HOSTSYNC_JOIN_TIMEOUT: seconds(60, 172_800),
  HOSTSYNC_JOIN_FAILURE: v.picklist(['ABANDON', 'CONTINUE'], 'is neither ABANDON nor CONTINUE'),
};

const flag = v.pipe(
  v.picklist(['true', 'false'], 'is neither true nor false'),
  v.transform((value) => value === 'true'),
);

const recording = {
  /** A week at most: what is not told again within that is forgotten. */
  HOSTSYNC_REMIND_AFTER: seconds(60, 604_800),
  HOSTSYNC_BEHIND_AFTER: seconds(30, 86_400),
  HOSTSYNC_OVERRUN_AFTER: seconds(10, 86_400),
  HOSTSYNC_METRICS_BY_SECONDARY: flag,
};

const topicArn = v.pipe(
  v.string(),
  v.regex(/^arn:[^:]+:sns:[^:]+:\d{12}:[A-Za-z0-9_-]{1,256}$/u, 'is not the ARN of an SNS topic'),
);

const promoting = {
  HOSTSYNC_FAILOVER: v.picklist(['auto', 'manual'], 'is neither auto nor manual'),
  HOSTSYNC_FAILOVER_TICKS: whole(1, 60, 'ticks'),
  HOSTSYNC_PROMOTE_WITHIN: seconds(30, 604_800),
  HOSTSYNC_COOL_DOWN: seconds(0, 86_400),
  /** Empty where no DNS name is to be moved. */
  HOSTSYNC_HOSTED_ZONE: v.pipe(
    v.string(),
    v.regex(/^(?:Z[A-Z0-9]{1,31})?$/u, 'is not the id of a hosted zone'),
  ),
};

/** What each function reads from its environment. serverless.yml sets all of it. */
const schemas = {
  sync: v.object({ ...joining, ...recording, ...promoting }),
  'instance-launch': v.object(joining),
  'instance-termination': v.object(joining),
  'primary-failure': v.object({ ...joining, ...recording, ...promoting }),
  'command-result': v.object({ HOSTSYNC_PUSH_DOCUMENT: documentName, ...recording }),
  alert: v.object({ HOSTSYNC_ALERT_TOPIC: topicArn }),
};

type Schemas = typeof schemas;

/**
 * The configuration of one function. This is the only place that reads `process.env`.
 *
 * @throws {ConfigurationError} naming all that is missing or wrong
 */
export function readConfiguration<Name extends keyof Schemas>(
  name: Name,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): v.InferOutput<Schemas[Name]> {
  const result = v.safeParse(schemas[name], environment);
  if (result.success) return result.output;
  throw new ConfigurationError(
    `the environment of the function ${name} is wrong: ${describeIssues(result.issues)}. Deploy it with serverless deploy, which sets these variables`,
  );
}
