import type { JsonObject } from '../base/json.ts';

/** The part of an event that its maker chooses; the bus adds the rest of the envelope. */
export interface EventDraft {
  readonly source: string;
  readonly 'detail-type': string;
  readonly resources: readonly string[];
  readonly detail: JsonObject;
  readonly time?: Date;
}

/** An event in EventBridge's envelope, as a target receives it. */
export interface BusEvent extends JsonObject {
  readonly version: string;
  readonly id: string;
  readonly 'detail-type': string;
  readonly source: string;
  readonly account: string;
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: JsonObject;
}
