import { LocalCloudError } from '../base/errors.ts';
import modeled from './modeled-errors.json' with { type: 'json' };
import type { Protocol, Service } from './registry.ts';

/** Codes on the wire and their HTTP statuses. */
export type ErrorCodes = Readonly<Record<string, number>>;

/** What every operation may answer. Source: "Common errors" in the API reference of each service. */
const common = {
  json: {
    AccessDeniedException: 400,
    ExpiredTokenException: 400,
    IncompleteSignature: 400,
    InternalFailure: 500,
    OptInRequired: 403,
    RequestExpired: 400,
    ServiceUnavailable: 503,
    ThrottlingException: 400,
    UnrecognizedClientException: 400,
    ValidationException: 400,
  },
  'rest-json': {
    AccessDeniedException: 403,
    ExpiredTokenException: 403,
    InternalFailure: 500,
    RequestExpired: 400,
    ServiceUnavailable: 503,
    ThrottlingException: 400,
    UnrecognizedClientException: 403,
  },
  query: {
    AccessDenied: 403,
    ExpiredToken: 403,
    IncompleteSignature: 400,
    InternalFailure: 500,
    InvalidClientTokenId: 403,
    OptInRequired: 403,
    RequestExpired: 400,
    ServiceUnavailable: 503,
    Throttling: 400,
    ValidationError: 400,
  },
  'rest-xml': {
    AccessDenied: 403,
    ExpiredToken: 403,
    InternalFailure: 500,
    InvalidClientTokenId: 403,
    RequestExpired: 400,
    ServiceUnavailable: 503,
    Throttling: 400,
  },
  // EC2 Developer Guide, "Error codes for the Amazon EC2 API"
  ec2: {
    AuthFailure: 403,
    InternalError: 500,
    InternalFailure: 500,
    InvalidParameterValue: 400,
    OptInRequired: 403,
    RequestExpired: 400,
    RequestLimitExceeded: 503,
    ServiceUnavailable: 503,
    Unavailable: 503,
    UnauthorizedOperation: 403,
  },
} as const satisfies Readonly<Record<Protocol['kind'], ErrorCodes>>;

const noSuchInstance = { 'InvalidInstanceID.Malformed': 400, 'InvalidInstanceID.NotFound': 400 } as const;

/** EC2's API model has no errors; the guide lists them without the operations. */
const ofEc2 = {
  'ec2:DescribeInstances': { ...noSuchInstance, InvalidPaginationToken: 400 },
  'ec2:DescribeInstanceStatus': { ...noSuchInstance, InvalidPaginationToken: 400, InvalidRequest: 400 },
  'ec2:CreateTags': { ...noSuchInstance, InvalidID: 400, TagLimitExceeded: 400 },
  'ec2:DeleteTags': { ...noSuchInstance, InvalidID: 400 },
  'ec2:DescribeAddresses': { 'InvalidAllocationID.NotFound': 400, 'InvalidAddress.NotFound': 400 },
  'ec2:AssociateAddress': {
    ...noSuchInstance,
    'InvalidAllocationID.NotFound': 400,
    'Resource.AlreadyAssociated': 400,
    InvalidInstanceID: 400,
  },
  'ec2:DisassociateAddress': { 'InvalidAssociationID.NotFound': 400 },
} as const satisfies Readonly<Record<string, ErrorCodes>>;

const ofOperations: Readonly<Record<string, ErrorCodes>> = { ...modeled, ...ofEc2 };

type Tables = typeof modeled & typeof ofEc2;
/** Any text; an editor proposes these. */
type Proposed<Names extends string> = Names | (string & Record<never, never>);
type CommonCode = { [Kind in Protocol['kind']]: keyof (typeof common)[Kind] }[Protocol['kind']];

/** A call, as IAM names it. */
export type CallName = Proposed<keyof Tables>;
/** A code with which a call may fail. */
export type CodeOf<Call extends string> = Proposed<
  CommonCode | (Call extends keyof Tables ? keyof Tables[Call] & string : never)
>;

/** Every operation that is served, as `service:Operation`. */
export function operationsOf(services: readonly Service[]): readonly string[] {
  return services.flatMap(({ signingName, operations }) =>
    operations.map(({ name }) => `${signingName}:${name}`),
  );
}

/**
 * What a call may fail with on AWS: by the API models, which `tools/modeled-errors.ts` reads from the clients of the SDK, and by what is common
 * to all calls.
 *
 * @param call `service:Operation`, or `service:*` for what any of them may answer
 * @throws LocalCloudError for a call that the local cloud does not serve
 */
export function errorsOf(services: readonly Service[], call: string): ErrorCodes {
  const [signingName, operation = '*'] = call.split(':');
  const service = services.find((each) => each.signingName === signingName);
  const calls = operationsOf(service === undefined ? [] : [service]).filter(
    (each) => operation === '*' || each === call,
  );
  if (service === undefined || calls.length === 0)
    throw new LocalCloudError(
      `the local cloud does not serve ${call}; it serves ${operationsOf(services).join(', ')}`,
    );
  return Object.assign({}, common[service.protocol.kind], ...calls.map((each) => ofOperations[each]));
}
