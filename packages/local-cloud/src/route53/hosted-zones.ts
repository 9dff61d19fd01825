import { randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { AwsError, LocalCloudError } from '../base/errors.ts';
import {
  chosen,
  describeSame,
  isInZone,
  isSameRecord,
  normalName,
  type RecordSet,
  type RoutingPolicy,
  recordProblems,
  sortKey,
} from './records.ts';

export type ChangeAction = 'CREATE' | 'UPSERT' | 'DELETE';

/** A change of a record set that was carried out. */
export interface DnsChange extends RecordSet {
  readonly at: Date;
  /** the name of the zone */
  readonly zone: string;
  readonly action: ChangeAction;
  /** of the batch: `C…` */
  readonly changeId: string;
  /** the logical id of a function, or `operator` */
  readonly caller: string;
}

interface Batch {
  readonly id: string;
  readonly at: Date;
}

const dnsSeconds = 30;

export interface HostedZoneOptions {
  readonly name: string;
  readonly private?: boolean;
  /** For a deployment that has to name the zone before it is made here. */
  readonly id?: string;
}

/** A hosted zone and its records. */
export class HostedZone {
  readonly id: string;
  readonly name: string;
  readonly isPrivate: boolean;
  readonly #isOwn: (id: string) => boolean;
  #records: readonly RecordSet[];

  /** Use `cloud.createHostedZone`. @param isOwn whether an id is that of a hosted zone of the account */
  constructor(options: HostedZoneOptions, isOwn: (id: string) => boolean) {
    this.id = options.id ?? `Z${randomBytes(10).toString('hex').toUpperCase()}`;
    this.name = normalName(options.name);
    this.isPrivate = options.private ?? false;
    this.#isOwn = isOwn;
    const servers = ['ns-1.awsdns-01.com.', 'ns-2.awsdns-02.net.'];
    const soa = `${servers[0]} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400`;
    this.#records = [
      { name: this.name, type: 'NS', ttl: 172_800, values: servers },
      { name: this.name, type: 'SOA', ttl: 900, values: [soa] },
    ];
  }

  /** All record sets, in the order in which Route 53 lists them. */
  records(): readonly RecordSet[] {
    return this.#records.toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  }

  /** Those of this name and type: several, if a policy chooses. */
  find(name: string, type: string): readonly RecordSet[] {
    return this.#records.filter((record) => record.name === name && record.type === type);
  }

  /** All or nothing. @throws AwsError InvalidChangeBatch with what is wrong with each change */
  apply(changes: readonly (RecordSet & { readonly action: ChangeAction })[]): void {
    let next = this.#records;
    const wrong: string[] = [];
    for (const { action, ...record } of changes) {
      const same = next.find((other) => isSameRecord(other, record));
      const problems = this.#problems(action, record, same, next);
      wrong.push(...problems);
      if (problems.length === 0)
        next = [...next.filter((other) => other !== same), ...(action === 'DELETE' ? [] : [record])];
    }
    if (wrong.length > 0) throw new AwsError('InvalidChangeBatch', `[${wrong.join(', ')}]`);
    this.#records = next;
  }

  /** Sets a record set as the operator: with values, or an alias of another name. */
  set(record: RecordOptions): void {
    const { name, type = 'A', values = [], alias, setIdentifier, weight, multiValue } = record;
    const policy: RoutingPolicy | undefined =
      weight === undefined ? (multiValue ? { kind: 'multivalue' } : undefined) : { kind: 'weighted', weight };
    const target = alias && {
      hostedZoneId: alias.hostedZoneId ?? this.id,
      dnsName: normalName(alias.name),
      evaluateTargetHealth: false,
    };
    const ttl = alias === undefined ? (record.ttl ?? 60) : undefined;
    this.apply([
      { action: 'UPSERT', name: normalName(name), type, ttl, values, alias: target, setIdentifier, policy },
    ]);
  }

  #problems(
    action: ChangeAction,
    record: RecordSet,
    same: RecordSet | undefined,
    all: readonly RecordSet[],
  ): readonly string[] {
    const { name, type, setIdentifier } = record;
    const identifier = setIdentifier === undefined ? '' : `, set-identifier='${setIdentifier}'`;
    const what = `[name='${name}', type='${type}'${identifier}]`;
    if (!isInZone(name, this.name))
      return [`RRSet with DNS name ${name} is not permitted in zone ${this.name}`];
    if (action === 'CREATE' && same !== undefined)
      return [`Tried to create resource record set ${what} but it already exists`];
    if (action !== 'DELETE') {
      const zone = { id: this.id, name: this.name, isOwn: this.#isOwn };
      return recordProblems(
        record,
        all.filter((other) => other !== same),
        zone,
      );
    }
    if (same === undefined) return [`Tried to delete resource record set ${what} but it was not found`];
    if (name === this.name && type === 'SOA') return ['A HostedZone must contain exactly one SOA record.'];
    if (name === this.name && type === 'NS')
      return ['A HostedZone must contain at least one NS record for the zone itself.'];
    return describeSame(record) === describeSame(same)
      ? []
      : [
          `Tried to delete resource record set ${what} but the values provided do not match the current values`,
        ];
  }
}

/** What an operator says of a record. */
export interface RecordOptions {
  readonly name: string;
  /** default A */
  readonly type?: string;
  /** seconds; default 60 */
  readonly ttl?: number;
  readonly values?: readonly string[];
  /** Instead of values: the name of another record, by default of this zone. */
  readonly alias?: { readonly name: string; readonly hostedZoneId?: string };
  readonly setIdentifier?: string;
  /** 0 to 255 */
  readonly weight?: number;
  readonly multiValue?: boolean;
}

/** The hosted zones of the account. */
export class HostedZones {
  readonly changes: DnsChange[] = [];
  readonly #clock: Clock;
  readonly #zones: HostedZone[] = [];
  readonly #batches = new Map<string, Batch>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws LocalCloudError for a name that is none */
  create(options: HostedZoneOptions): HostedZone {
    if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+\.?$/i.test(options.name))
      throw new LocalCloudError(`'${options.name}' is no name of a hosted zone`);
    const zone = new HostedZone(options, (id) => this.#zones.some((other) => other.id === id));
    this.#zones.push(zone);
    return zone;
  }

  all(): readonly HostedZone[] {
    return this.#zones;
  }

  /** @throws AwsError NoSuchHostedZone */
  require(id: string): HostedZone {
    const zone = this.#zones.find((candidate) => candidate.id === id);
    if (zone === undefined)
      throw new AwsError('NoSuchHostedZone', `No hosted zone found with ID: ${id}`, 404);
    return zone;
  }

  change(
    zone: HostedZone,
    changes: readonly (RecordSet & { readonly action: ChangeAction })[],
    caller: string,
  ): Batch {
    zone.apply(changes);
    const at = new Date();
    const batch: Batch = { id: `C${randomBytes(10).toString('hex').toUpperCase()}`, at };
    this.#batches.set(batch.id, batch);
    for (const change of changes)
      this.changes.push({ ...change, at, zone: zone.name, changeId: batch.id, caller });
    return batch;
  }

  /** @throws AwsError NoSuchChange */
  batch(id: string): Batch {
    const batch = this.#batches.get(id);
    if (batch === undefined)
      throw new AwsError('NoSuchChange', `Could not find resource with ID: ${id}`, 404);
    return batch;
  }

  /** Whether all name servers of Route 53 have it: usually within a minute, which the clock's scale makes shorter. */
  statusOf({ at }: Batch): 'PENDING' | 'INSYNC' {
    return Date.now() - at.getTime() < this.#clock.scaledMs(dnsSeconds) ? 'PENDING' : 'INSYNC';
  }

  /** What a resolver that has nothing in its cache gets now; it follows a CNAME or alias as far as the zones go. */
  resolve(name: string, type: string): readonly string[] {
    return this.#resolve(normalName(name), type, new Set());
  }

  #resolve(name: string, type: string, seen: Set<string>): readonly string[] {
    if (seen.has(name)) return [];
    seen.add(name);
    const zone = this.#zones
      .filter((candidate) => `.${name}`.endsWith(`.${candidate.name}`))
      .toSorted((a, b) => b.name.length - a.name.length)[0];
    const found = chosen(zone?.find(name, type) ?? []);
    if (found.length > 0)
      return found.flatMap(({ alias, values }) =>
        alias === undefined ? values : this.#resolve(alias.dnsName, type, seen),
      );
    const [target] = chosen(zone?.find(name, 'CNAME') ?? []).flatMap(({ values }) => values);
    return target === undefined ? [] : this.#resolve(normalName(target), type, seen);
  }
}
