import { randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { AwsError, LocalCloudError } from '../base/errors.ts';

export interface RecordSet {
  /** lower case, with the dot at its end */
  readonly name: string;
  readonly type: string;
  /** seconds */
  readonly ttl: number;
  readonly values: readonly string[];
}

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

/** As Route 53 keeps names: lower case, a dot at the end, `\ooo` for what is neither letter, digit, hyphen, underscore nor dot. */
export function normalName(name: string): string {
  const lower = name.toLowerCase().replace(/\.$/, '');
  const escaped = lower.replace(/\\(\d{3})|([^a-z0-9._-])/g, (_whole, code: string, other: string) =>
    code === undefined ? `\\${other.charCodeAt(0).toString(8).padStart(3, '0')}` : `\\${code}`,
  );
  return `${escaped}.`;
}

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
  #records: readonly RecordSet[];

  /** Use `cloud.createHostedZone`. */
  constructor(
    name: string,
    isPrivate: boolean,
    id: string = `Z${randomBytes(10).toString('hex').toUpperCase()}`,
  ) {
    this.id = id;
    this.name = normalName(name);
    this.isPrivate = isPrivate;
    const servers = ['ns-1.awsdns-01.com.', 'ns-2.awsdns-02.net.'];
    const soa = `${servers[0]} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400`;
    this.#records = [
      { name: this.name, type: 'NS', ttl: 172_800, values: servers },
      { name: this.name, type: 'SOA', ttl: 900, values: [soa] },
    ];
  }

  /** All record sets, ordered as Route 53 lists them: by the labels of the name from the right, then by type. */
  records(): readonly RecordSet[] {
    const key = ({ name, type }: RecordSet): string =>
      `${name.split('.').filter(Boolean).toReversed().join('.')}. ${type}`;
    return this.#records.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  }

  find(name: string, type: string): RecordSet | undefined {
    return this.#records.find((record) => record.name === name && record.type === type);
  }

  /** All or nothing. @throws AwsError InvalidChangeBatch with what is wrong with each change */
  apply(changes: readonly (RecordSet & { readonly action: ChangeAction })[]): void {
    let next = this.#records;
    const wrong: string[] = [];
    for (const { action, ...record } of changes) {
      const same = next.find(({ name, type }) => name === record.name && type === record.type);
      const blocker = this.#blocker(action, record, same, next);
      if (blocker !== undefined) wrong.push(blocker);
      else next = [...next.filter((other) => other !== same), ...(action === 'DELETE' ? [] : [record])];
    }
    if (wrong.length > 0) throw new AwsError('InvalidChangeBatch', `[${wrong.join(', ')}]`);
    this.#records = next;
  }

  /** Sets a record set as the operator. */
  set(record: {
    readonly name: string;
    readonly type?: string;
    readonly ttl?: number;
    readonly values: readonly string[];
  }): void {
    const { name, type = 'A', ttl = 60, values } = record;
    this.apply([{ action: 'UPSERT', name: normalName(name), type, ttl, values }]);
  }

  #blocker(
    action: ChangeAction,
    record: RecordSet,
    same: RecordSet | undefined,
    all: readonly RecordSet[],
  ): string | undefined {
    const { name, type } = record;
    const what = `[name='${name}', type='${type}']`;
    if (name !== this.name && !name.endsWith(`.${this.name}`))
      return `RRSet with DNS name ${name} is not permitted in zone ${this.name}`;
    const invalid = record.values.find((value) => !isValue(type, value));
    if (invalid !== undefined)
      return `Invalid Resource Record: 'FATAL problem: ${valueProblems[type] ?? 'InvalidValue'} encountered with '${invalid}''`;
    if (new Set(record.values).size < record.values.length)
      return `Duplicate Resource Record: '${record.values.join(', ')}'`;
    if (action === 'CREATE' && same !== undefined)
      return `Tried to create resource record set ${what} but it already exists`;
    if (action === 'DELETE') {
      if (same === undefined) return `Tried to delete resource record set ${what} but it was not found`;
      if (name === this.name && ['NS', 'SOA'].includes(type))
        return `A HostedZone must contain at least one NS record for the zone itself.`;
      return isSame(record, same)
        ? undefined
        : `Tried to delete resource record set ${what} but the values provided do not match the current values`;
    }
    if (type === 'CNAME' && name === this.name)
      return `RRSet of type CNAME with DNS name ${name} is not permitted at apex in zone ${this.name}`;
    const others = all.filter((other) => other.name === name && other.type !== type);
    if (others.length > 0 && (type === 'CNAME' || others.some((other) => other.type === 'CNAME')))
      return `RRSet of type ${type} with DNS name ${name} is not permitted as it conflicts with other records with the same DNS name in zone ${this.name}`;
    return undefined;
  }
}

function isSame(a: RecordSet, b: RecordSet): boolean {
  const values = (record: RecordSet): string => JSON.stringify(record.values.toSorted());
  return a.ttl === b.ttl && values(a) === values(b);
}

const valueProblems: Readonly<Record<string, string>> = {
  A: 'ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)',
  AAAA: 'AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)',
  CNAME: 'DomainLabelEmpty (Domain label is empty)',
  TXT: 'InvalidCharacterString (Value should be enclosed in quotation marks)',
};

function isValue(type: string, value: string): boolean {
  switch (type) {
    case 'A':
      return /^(\d{1,3})(\.\d{1,3}){3}$/.test(value) && value.split('.').every((part) => Number(part) < 256);
    case 'AAAA':
      return /^[0-9a-fA-F:.]+$/.test(value) && value.includes(':');
    case 'CNAME':
      return /^[^\s.]+(\.[^\s.]+)*\.?$/.test(value);
    case 'TXT':
      return /^"[^"]{0,255}"( "[^"]{0,255}")*$/.test(value);
    default:
      return true;
  }
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
    const zone = new HostedZone(options.name, options.private ?? false, options.id);
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

  /** What a resolver that has nothing in its cache is told now; it follows a CNAME as far as the zones go. */
  resolve(name: string, type: string): readonly string[] {
    const seen = new Set<string>();
    for (let wanted = normalName(name); !seen.has(wanted); ) {
      seen.add(wanted);
      const zone = this.#zones
        .filter((candidate) => `.${wanted}`.endsWith(`.${candidate.name}`))
        .toSorted((a, b) => b.name.length - a.name.length)[0];
      const found = zone?.find(wanted, type);
      if (found !== undefined) return found.values;
      const [alias] = zone?.find(wanted, 'CNAME')?.values ?? [];
      if (alias === undefined) return [];
      wanted = normalName(alias);
    }
    return [];
  }
}
