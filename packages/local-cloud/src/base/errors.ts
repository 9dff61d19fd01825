/** An error that the caller of an AWS API receives, in the shape of the service's protocol. */
export class AwsError extends Error {
  override readonly name = 'AwsError';
  readonly code: string;
  readonly status: number;
  /** further members of the error, where its shape has some */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, status = 400, members: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.members = members;
  }
}

/** Something that the local cloud cannot do, and that must not pass unseen: it is recorded as a problem too. */
export class UnservedError extends AwsError {}

/** The package, the template or a call of the scenario is such that the local cloud cannot work with it. */
export class LocalCloudError extends Error {
  override readonly name = 'LocalCloudError';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
