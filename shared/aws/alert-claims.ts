import { randomUUID } from 'node:crypto';
import {
  DeleteParametersCommand,
  GetParameterCommand,
  GetParametersByPathCommand,
  PutParameterCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import { hasCode } from './errors.ts';

/** Where Parameter Store keeps which events were turned into messages. */
const path = '/hostsync/alerts';
/** Milliseconds after which a run that claimed a message and did not send it is taken for dead; longer than the function runs. */
const claimLasts = 60_000;
/** Milliseconds after which nobody delivers an event any more: EventBridge tries for a day, Lambda for six hours. */
const kept = 3 * 24 * 3600_000;

/** Somebody else is about to send this message. If they fail, a later try of Lambda sends it. */
export class ClaimedError extends Error {
  override readonly name = 'ClaimedError';
}

const exists = new Set(['ParameterAlreadyExists']);
const missing = new Set(['ParameterNotFound']);

/**
 * Claims the message on one event. EventBridge and Lambda may each deliver an event twice, and two runs may have found the
 * same thing: writing a parameter that does not exist yet is what only one of them can do.
 *
 * @param id of the event
 * @returns false if the message was sent already
 * @throws {ClaimedError} when another run is at it
 */
export async function claimAlert(ssm: SSMClient, id: string, now: number): Promise<boolean> {
  const Name = `${path}/${id}`;
  const Value = `claimed ${new Date(now).toISOString()} ${randomUUID()}`;
  try {
    await ssm.send(new PutParameterCommand({ Name, Value, Type: 'String', Overwrite: false }));
    return true;
  } catch (error) {
    if (!hasCode(error, exists)) throw error;
  }
  const found = await readClaim(ssm, Name);
  const [state, since = ''] = found.split(' ');
  if (state === 'sent') return false;
  // The first try of this very call was carried out, and its answer lost
  if (found === Value) return true;
  if (now - Date.parse(since) < claimLasts)
    throw new ClaimedError(`another run claimed the message on the event ${id} at ${since}`);
  await ssm.send(new PutParameterCommand({ Name, Value, Type: 'String', Overwrite: true }));
  return true;
}

async function readClaim(ssm: SSMClient, Name: string): Promise<string> {
  try {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name }));
    return Parameter?.Value ?? '';
  } catch (error) {
    // It is old and was cleared away just now: so it was sent
    if (hasCode(error, missing)) return 'sent';
    throw error;
  }
}

/** Notes that the message was sent, and clears away some notes that are so old that their events cannot come again. */
export async function settleAlert(ssm: SSMClient, id: string, now: number): Promise<void> {
  const Value = `sent ${new Date(now).toISOString()}`;
  await ssm.send(new PutParameterCommand({ Name: `${path}/${id}`, Value, Type: 'String', Overwrite: true }));
  const { Parameters = [] } = await ssm.send(new GetParametersByPathCommand({ Path: path, MaxResults: 10 }));
  const old = Parameters.flatMap(({ Name, LastModifiedDate }) =>
    Name !== undefined && LastModifiedDate !== undefined && now - LastModifiedDate.getTime() > kept
      ? [Name]
      : [],
  );
  if (old.length > 0) await ssm.send(new DeleteParametersCommand({ Names: old }));
}
