import type { DomainEvent } from '../model/domain-event.ts';

/** One consequence of what became of pushes, with its reason. */
export type OutcomeAction =
  /** To be published before the tags are written that say it was: better twice, with the same id, than never. */
  | { readonly kind: 'tell'; readonly group: string; readonly event: DomainEvent; readonly reason: string }
  | {
      readonly kind: 'record';
      readonly group: string;
      /** They all get the same tags, in one call. */
      readonly instances: readonly string[];
      readonly set: Readonly<Record<string, string>>;
      readonly remove: readonly string[];
      readonly reason: string;
    }
  | {
      readonly kind: 'measure';
      readonly group: string;
      /** Of one secondary, else of the group. */
      readonly secondary?: string;
      readonly values: Readonly<Partial<Record<MetricName, number>>>;
      readonly reason: string;
    };

export type MetricName =
  | 'SecondsBehind'
  | 'SecondariesFailing'
  | 'FilesSent'
  | 'BytesSent'
  | 'FilesDeleted'
  | 'PushSeconds'
  | 'DriftRepaired'
  /** Of a watch: seconds from a change to its arrival. */
  | 'LagP50'
  | 'LagP99';
