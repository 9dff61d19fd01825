import * as v from 'valibot';
import { defaultTagPrefix } from '../core/model/tag-prefix.ts';
import { describeIssues } from './issues.ts';
import { settings } from './settings.ts';

/** The environment does not hold what a function needs; the message names every variable at once. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

const documentName = v.pipe(
  v.string(),
  // Source: API model of SSM, DocumentName of SendCommand
  v.regex(/^[a-zA-Z0-9_\-.:/]{3,128}$/u, 'is not the name of an SSM document'),
);

const tableName = v.pipe(
  v.string(),
  // Source: API reference of DynamoDB, TableName
  v.regex(/^[a-zA-Z0-9_.-]{3,255}$/u, 'is not the name of a DynamoDB table'),
);
const queueUrl = v.pipe(v.string(), v.url('is not the URL of an SQS queue'));

/** In all functions: the core makes the keys of the tags of it. */
const common = { HOSTSYNC_TAG_PREFIX: v.optional(settings['tag-prefix'], defaultTagPrefix) };
const waking = { HOSTSYNC_QUEUE: queueUrl };
const remembering = { HOSTSYNC_TABLE: tableName };

/** From one tick to the next: infra/schedule.cjs makes it of the setting. */
const tickSeconds = v.pipe(v.string(), v.regex(/^\d{1,5}$/u, 'is no number of seconds'), v.transform(Number));

const joining = {
  HOSTSYNC_PUSH_DOCUMENT: documentName,
  HOSTSYNC_JOIN_DOCUMENT: documentName,
  HOSTSYNC_PROMOTE_DOCUMENT: documentName,
  HOSTSYNC_LEAVE_DOCUMENT: documentName,
  HOSTSYNC_RESCUE_DOCUMENT: documentName,
  HOSTSYNC_PROBE_DOCUMENT: documentName,
  HOSTSYNC_INSTALL_ONE_DOCUMENT: documentName,
  HOSTSYNC_INSTALL_TWO_DOCUMENT: documentName,
  HOSTSYNC_INSTALL_THREE_DOCUMENT: documentName,
  HOSTSYNC_INSTALL_FOUR_DOCUMENT: documentName,
  HOSTSYNC_INSTALL_FIVE_DOCUMENT: documentName,
  HOSTSYNC_JOIN_TIMEOUT: settings['join-timeout'],
  HOSTSYNC_JOIN_FAILURE: settings['join-failure'],
  HOSTSYNC_RESCUE_QUIET: settings['rescue-quiet'],
};

const recording = {
  HOSTSYNC_REMIND_AFTER: settings['remind-after'],
  HOSTSYNC_GROUP_WAIT: settings['group-wait'],
  HOSTSYNC_GROUP_INTERVAL: settings['group-interval'],
  HOSTSYNC_BEHIND_AFTER: settings['behind-after'],
  HOSTSYNC_OVERRUN_AFTER: settings['overrun-after'],
  HOSTSYNC_TICK_SECONDS: tickSeconds,
  HOSTSYNC_METRICS_BY_SECONDARY: settings['metrics-by-secondary'],
};

const topicArn = v.pipe(
  v.string(),
  v.regex(/^arn:[^:]+:sns:[^:]+:\d{12}:[A-Za-z0-9_-]{1,256}$/u, 'is not the ARN of an SNS topic'),
);

const promoting = {
  HOSTSYNC_FAILOVER: settings.failover,
  HOSTSYNC_FAILOVER_TICKS: settings['failover-ticks'],
  HOSTSYNC_PROMOTE_WITHIN: settings['promote-within'],
  HOSTSYNC_COOL_DOWN: settings['cool-down'],
  HOSTSYNC_HOSTED_ZONE: settings['hosted-zone'],
};

/** What each function reads from its environment. serverless.yml sets all of it. */
const schemas = {
  sync: v.object({
    ...common,
    HOSTSYNC_PUSH_DOCUMENT: documentName,
    ...recording,
    ...waking,
    ...remembering,
  }),
  reconcile: v.object({ ...common, ...joining, ...recording, ...promoting, ...remembering }),
  'instance-launch': v.object({ ...common, ...waking }),
  'instance-termination': v.object({ ...common, ...waking }),
  'primary-failure': v.object({ ...common, ...waking }),
  'command-result': v.object({
    ...common,
    HOSTSYNC_PUSH_DOCUMENT: documentName,
    HOSTSYNC_PROBE_DOCUMENT: documentName,
    ...recording,
    ...waking,
    ...remembering,
  }),
  alert: v.object({
    ...common,
    HOSTSYNC_ALERT_TOPIC: topicArn,
    HOSTSYNC_REMIND_AFTER: settings['remind-after'],
    ...remembering,
  }),
};

type Schemas = typeof schemas;

/**
 * The configuration of one function. This and the core's tag prefix are the only places that read `process.env`.
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
