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

/** The zone that a record is written into. */
export interface ZoneView {
  readonly id: string;
  readonly name: string;
  /** whether an id is that of a hosted zone of the account, and not one in which AWS has its load balancers and such */
  readonly isOwn: (id: string) => boolean;
}

/**
 * Why a record cannot be written beside the others: everything that is wrong, in Route 53's words as users have reported them.
 *
 * @param others of the zone, as they are when it is this change's turn
 */
export function recordProblems(
  record: RecordSet,
  others: readonly RecordSet[],
  zone: ZoneView,
): readonly string[] {
  const ofName = others.filter(({ name }) => name === record.name);
  const isLoop = leadsBack(record, [record.name], others, zone.id);
  return [
    ...valueProblems(record),
    ...aliasProblems(record, others, zone),
    ...typeProblems(record, ofName, zone.name),
    ...policyProblems(
      record,
      ofName.filter(({ type }) => type === record.type),
    ),
    ...(isLoop
      ? [
          `RRSet of type ${record.type} with DNS name ${record.name} is not permitted as it creates a CNAME or alias loop in the zone.`,
        ]
      : []),
  ];
}

function valueProblems({ type, values }: RecordSet): readonly string[] {
  const invalid = values.find((value) => !isValue(type, value));
  if (invalid !== undefined)
    return [
      `Invalid Resource Record: 'FATAL problem: ${fatalProblems[type] ?? 'InvalidValue'} encountered with '${invalid}''`,
    ];
  return new Set(values).size < values.length ? [`Duplicate Resource Record: '${values.join(', ')}'`] : [];
}

/** An alias of a record has to find it there. What AWS itself has is not looked for. */
function aliasProblems(
  { type, alias }: RecordSet,
  others: readonly RecordSet[],
  zone: ZoneView,
): readonly string[] {
  if (alias === undefined || !zone.isOwn(alias.hostedZoneId)) return [];
  const tried = `Tried to create an alias that targets ${alias.dnsName}, type ${type} in zone ${alias.hostedZoneId}`;
  const isWithin = alias.hostedZoneId === zone.id && isInZone(alias.dnsName, zone.name);
  const isThere = others.some((other) => other.name === alias.dnsName && other.type === type);
  return [
    ...(isWithin ? [] : [`${tried}, but the alias target name does not lie within the target zone`]),
    ...(isWithin && isThere ? [] : [`${tried}, but that target was not found`]),
  ];
}

export function isInZone(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`);
}

function typeProblems(
  { name, type }: RecordSet,
  ofName: readonly RecordSet[],
  zone: string,
): readonly string[] {
  if (type === 'CNAME' && name === zone)
    return [`RRSet of type CNAME with DNS name ${name} is not permitted at apex in zone ${zone}`];
  if (type === 'CNAME' && ofName.some((other) => other.type !== 'CNAME'))
    return [
      `RRSet of type CNAME with DNS name ${name} is not permitted as it conflicts with other records with the same DNS name in zone ${zone}`,
    ];
  if (type !== 'CNAME' && ofName.some((other) => other.type === 'CNAME'))
    return [
      `RRSet of type ${type} with DNS name ${name} is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone ${zone}`,
    ];
  return [];
}

/** All records of one name and type have the same policy, and weighted ones the same TTL. */
function policyProblems(
  { name, type, ttl, setIdentifier = 'null', policy }: RecordSet,
  same: readonly RecordSet[],
): readonly string[] {
  const [other] = same.filter((each) => each.policy?.kind !== policy?.kind);
  const what = `RRSet with DNS name ${name}, type ${type}, SetIdentifier ${setIdentifier} cannot be created`;
  if (other !== undefined) return [`${what} ${policyConflict(policy?.kind, other.policy?.kind)}.`];
  const isOtherTtl = same.some((each) => ttl !== undefined && each.ttl !== undefined && each.ttl !== ttl);
  return policy?.kind === 'weighted' && isOtherTtl
    ? [
        `RRSet with DNS name ${name} and type ${type}, SetIdentifier ${setIdentifier} cannot be created as weighted sets must contain the same TTL.`,
      ]
    : [];
}

type PolicyKind = RoutingPolicy['kind'] | undefined;

function policyConflict(kind: PolicyKind, other: PolicyKind): string {
  if (kind === 'multivalue')
    return 'because a non multivalue answer rrset exists with the same name and type';
  if (kind === 'weighted') return 'as a non-weighted set exists with the same name and type';
  return other === 'weighted'
    ? 'as a weighted set exists with the same name and type'
    : 'because a multivalue answer rrset exists with the same name and type';
}

/** Whether a record, or one that it leads to, leads to one of these names again. */
function leadsBack(
  record: RecordSet,
  seen: readonly string[],
  others: readonly RecordSet[],
  zoneId: string,
): boolean {
  const { type, alias, values } = record;
  const isOwnAlias = alias !== undefined && alias.hostedZoneId === zoneId;
  const targets = isOwnAlias ? [alias.dnsName] : type === 'CNAME' ? values.map(normalName) : [];
  return targets.some((target) => {
    if (seen.includes(target)) return true;
    const next = others.filter(
      (other) => other.name === target && (other.type === type || other.type === 'CNAME' || type === 'CNAME'),
    );
    return next.some((each) => leadsBack(each, [...seen, target], others, zoneId));
  });
}

/** At most so many values of multi-value records are in one answer. Source: Developer Guide, "Multivalue answer routing". */
const mostValues = 8;

/** The records that answer: all there is of multi-value ones; of weighted ones the heaviest, where AWS draws by weight. */
export function chosen(records: readonly RecordSet[]): readonly RecordSet[] {
  const weight = ({ policy }: RecordSet): number => (policy?.kind === 'weighted' ? policy.weight : 0);
  if (records.some(({ policy }) => policy?.kind === 'multivalue')) return records.slice(0, mostValues);
  return records.toSorted((a, b) => weight(b) - weight(a)).slice(0, 1);
}

const fatalProblems: Readonly<Record<string, string>> = {
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
