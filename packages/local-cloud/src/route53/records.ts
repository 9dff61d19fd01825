/** Where an alias points: another record, or what AWS gives a load balancer. */
export interface AliasTarget {
  readonly hostedZoneId: string;
  /** lower case, with the dot at its end */
  readonly dnsName: string;
  readonly evaluateTargetHealth: boolean;
}

/** Which of several records of one name and type answers. */
export type RoutingPolicy =
  | { readonly kind: 'weighted'; readonly weight: number }
  | { readonly kind: 'multivalue' };

export interface RecordSet {
  /** lower case, with the dot at its end */
  readonly name: string;
  readonly type: string;
  /** seconds; an alias has none of its own */
  readonly ttl: number | undefined;
  /** none of an alias */
  readonly values: readonly string[];
  readonly alias?: AliasTarget | undefined;
  /** tells apart the records of one name and type that a policy chooses from */
  readonly setIdentifier?: string | undefined;
  readonly policy?: RoutingPolicy | undefined;
}

/** As Route 53 keeps names: lower case, a dot at the end, `\ooo` for what is neither letter, digit, hyphen, underscore nor dot. */
export function normalName(name: string): string {
  const lower = name.toLowerCase().replace(/\.$/, '');
  const escaped = lower.replace(/\\(\d{3})|([^a-z0-9._-])/g, (_whole, code: string, other: string) =>
    code === undefined ? `\\${other.charCodeAt(0).toString(8).padStart(3, '0')}` : `\\${code}`,
  );
  return `${escaped}.`;
}

/** Name, type and identifier make a record; all else is what it says. */
export function isSameRecord(a: RecordSet, b: RecordSet): boolean {
  return a.name === b.name && a.type === b.type && a.setIdentifier === b.setIdentifier;
}

export function describeSame({ ttl, values, alias, policy }: RecordSet): string {
  return JSON.stringify([ttl, values.toSorted(), alias, policy]);
}

/** How Route 53 lists: by the labels of the name from the right, then by type and identifier. */
export function sortKey({
  name,
  type,
  setIdentifier = '',
}: Pick<RecordSet, 'name' | 'type' | 'setIdentifier'>): string {
  return `${labels(name)} ${type} ${setIdentifier}`;
}

/** `www.example.com.` to `com.example.www.`, which is how Route 53 sorts. */
export function labels(name: string): string {
  return `${name.split('.').filter(Boolean).toReversed().join('.')}.`;
}

/** Why a record cannot be written beside the others; undefined if it can. */
export function recordBlocker(
  record: RecordSet,
  others: readonly RecordSet[],
  zone: string,
): string | undefined {
  const { name, type, values } = record;
  const invalid = values.find((value) => !isValue(type, value));
  if (invalid !== undefined)
    return `Invalid Resource Record: 'FATAL problem: ${valueProblems[type] ?? 'InvalidValue'} encountered with '${invalid}''`;
  if (new Set(values).size < values.length) return `Duplicate Resource Record: '${values.join(', ')}'`;
  if (type === 'CNAME' && name === zone)
    return `RRSet of type CNAME with DNS name ${name} is not permitted at apex in zone ${zone}`;
  const ofName = others.filter((other) => other.name === name);
  const ofOtherType = ofName.filter((other) => other.type !== type);
  if (ofOtherType.length > 0 && (type === 'CNAME' || ofOtherType.some((other) => other.type === 'CNAME')))
    return `RRSet of type ${type} with DNS name ${name} is not permitted as it conflicts with other records with the same DNS name in zone ${zone}`;
  const kind = kindOf(record);
  const other = ofName.find((each) => each.type === type && kindOf(each) !== kind);
  if (other !== undefined)
    return `RRSet with DNS name ${name}, type ${type}, SetIdentifier ${record.setIdentifier ?? 'null'} cannot be created because a ${kind === 'simple' ? kindOf(other) : `non ${kind}`} rrset exists with the same name and type`;
  return undefined;
}

function kindOf({ policy }: RecordSet): string {
  return policy?.kind ?? 'simple';
}

/** At most so many values of multi-value records are in one answer. Source: Developer Guide, "Multivalue answer routing". */
const mostValues = 8;

/** The records that answer: all there is of multi-value ones; of weighted ones the heaviest, where AWS draws by weight. */
export function chosen(records: readonly RecordSet[]): readonly RecordSet[] {
  const weight = ({ policy }: RecordSet): number => (policy?.kind === 'weighted' ? policy.weight : 0);
  if (records.some(({ policy }) => policy?.kind === 'multivalue')) return records.slice(0, mostValues);
  return records.toSorted((a, b) => weight(b) - weight(a)).slice(0, 1);
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
