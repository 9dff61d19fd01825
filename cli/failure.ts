import { describeError, hasCode } from '../shared/aws/errors.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';

/** Something that the command says in its own words: the object, its state, the impact; and what to do. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: ExitCode;
  /** What to do, one line each. */
  readonly advice: readonly string[];

  constructor(
    message: string,
    { exitCode, advice = [], cause }: { exitCode: ExitCode; advice?: readonly string[]; cause?: unknown },
  ) {
    super(message, { cause });
    this.exitCode = exitCode;
    this.advice = advice;
  }
}

const noCredentials = new Set(['CredentialsProviderError', 'TokenProviderError']);
const badCredentials = new Set([
  ...['ExpiredToken', 'ExpiredTokenException', 'InvalidClientTokenId', 'UnrecognizedClientException'],
  ...['AuthFailure', 'SignatureDoesNotMatch', 'InvalidSignatureException', 'RequestExpired'],
]);
const denied = new Set([
  ...['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation', 'AuthorizationError'],
]);
/** Codes of Node.js, not of AWS. */
const notReached = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
]);
const timeouts = new Set(['TimeoutError']);

/** What a person can do about an error of an SDK. What is not known keeps its own words. */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const errors = error instanceof AggregateError ? [error, ...error.errors] : [error];
  const found = (codes: ReadonlySet<string>) => errors.find((each) => hasCode(each, codes));
  if (found(noCredentials) !== undefined)
    return new Failure('No AWS credentials. Nothing was done.', {
      ...{ exitCode: exitCodes.access, cause: error },
      advice: ['Sign in: aws sso login --profile PROFILE, or set AWS_PROFILE.'],
    });
  const bad = found(badCredentials);
  if (bad !== undefined)
    return new Failure(`AWS does not accept the credentials: ${describeError(bad)}`, {
      ...{ exitCode: exitCodes.access, cause: error },
      advice: ['Sign in again: aws sso login --profile PROFILE.'],
    });
  const refused = found(denied);
  if (refused !== undefined)
    return new Failure(`Access denied: ${describeError(refused)}`, {
      ...{ exitCode: exitCodes.access, cause: error },
      advice: ['Ask for a role that may do this; the message names the action.'],
    });
  if (errors.some(isNotReached) || found(timeouts) !== undefined)
    return new Failure(`AWS cannot be reached: ${describeError(error)}`, {
      ...{ exitCode: exitCodes.unavailable, cause: error },
      advice: ['See whether the network, --region and --endpoint are right.'],
    });
  return new Failure(describeError(error), {
    ...{ exitCode: exitCodes.behind, cause: error },
    advice: ['--debug shows where this comes from.'],
  });
}

function isNotReached(error: unknown): boolean {
  return error instanceof Error && 'code' in error && notReached.has(String(error.code));
}
