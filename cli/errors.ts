/** What a command ends with. 64, 69 and 77 are those of sysexits.h. */
export const exitCodes = {
  done: 0,
  /** Behind, refused, or failed. */
  refused: 1,
  attention: 2,
  usage: 64,
  unavailable: 69,
  access: 77,
  interrupted: 130,
} as const;

/** The command ends here. Its message says what is wrong, and `advice` what to do. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError';
  readonly exitCode: number;
  readonly advice: string | undefined;

  constructor(exitCode: number, message: string, advice?: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
    this.advice = advice;
  }
}

/** The command was given what it does not take. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError';
  constructor(message: string, advice?: string) {
    super(exitCodes.usage, message, advice);
  }
}

/** What was asked for is not safe, or does not apply. Nothing was changed. */
export class RefusedError extends CommandError {
  override readonly name = 'RefusedError';
  constructor(message: string, advice?: string) {
    super(exitCodes.refused, message, advice);
  }
}

/** Codes of AWS, never its texts. */
const accessCodes: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'AuthorizationError',
  'UnauthorizedOperation',
]);
const credentialCodes: ReadonlySet<string> = new Set([
  ...['CredentialsProviderError', 'TokenProviderError', 'ExpiredToken', 'ExpiredTokenException'],
  ...['AuthFailure', 'InvalidClientTokenId', 'UnrecognizedClientException', 'RequestExpired'],
]);
const networkCodes: ReadonlySet<string> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT'],
  'TimeoutError',
]);

/**
 * What to tell a person of an error that is not the program's own fault; undefined for one that is.
 *
 * @param didWrite something may have been changed before
 */
export function explain(error: unknown, didWrite = false): CommandError | undefined {
  if (error instanceof CommandError) return error;
  if (error instanceof AggregateError) return explain(error.errors[0], didWrite);
  if (!(error instanceof Error)) return undefined;
  const options = { cause: error };
  const nothing = didWrite ? 'See what is done: hostsync status.' : 'Nothing was changed.';
  if (accessCodes.has(error.name))
    return new CommandError(
      exitCodes.access,
      `Access denied: ${error.message}`,
      `${nothing} Ask for the rights in docs/reference/cli.md.`,
      options,
    );
  if (credentialCodes.has(error.name))
    return new CommandError(
      exitCodes.access,
      `No valid AWS credentials: ${error.message}`,
      `${nothing} Sign in: aws sso login --profile PROFILE, then give --profile PROFILE or set AWS_PROFILE.`,
      options,
    );
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  if (networkCodes.has(code))
    return new CommandError(
      exitCodes.unavailable,
      `AWS cannot be reached: ${error.message || code}`,
      `${nothing} Check the network, --region and --endpoint.`,
      options,
    );
  if (!('$metadata' in error)) return error.cause === undefined ? undefined : explain(error.cause, didWrite);
  return new CommandError(
    exitCodes.unavailable,
    `AWS refused a call: ${error.name}: ${error.message}`,
    `${nothing} Try again.`,
    options,
  );
}
