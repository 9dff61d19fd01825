export { AwsError } from '../base/errors.ts';
export { readRequest, type WireResponse, writeError, writeResult } from './protocol.ts';
export type { Protocol, WireRequest } from './registry.ts';
