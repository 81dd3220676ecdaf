// Decides what is published where: the records of a VM, the zones they belong to, and the changes that get them there.
import { bareName, canonicalHostname, hostnameProblem } from './names.ts';
import {
  type DnsChange,
  type DnsRecord,
  type DnsRecordKey,
  type DnsRecordType,
  type DnsZoneRef,
  presentable,
} from './provider.ts';
import { addressFamily, canonicalAddress, classlessName, reverseName } from './reverse-names.ts';

/** An address of a VM, and the host name its PTR record is to show when that is not the VM's own name. */
interface PublishedAddress {
  address: string;
  reverseHostname?: string;
}

/** What is known of a VM that has to be published. */
export interface PublishedHost {
  fqdn: string;
  addresses: readonly PublishedAddress[];
  ttlSeconds: number;
}

/** What one zone is to hold, and what it is to lose. */
export interface ZonePlan<Zone> {
  zone: Zone;
  desired: readonly DnsRecord[];
  remove: readonly DnsRecord[];
}

/**
 * The record sets of a VM: its addresses under its name, and a PTR for every address. Names that are invalid are kept as
 * they are, for `recordProblem` to report: a bad name must not stop a deploy. Throws RangeError for a bad address.
 */
export function desiredRecords({ fqdn, addresses, ttlSeconds }: PublishedHost): DnsRecord[] {
  const values = new Map<string, { key: DnsRecordKey; values: Set<string> }>();
  const add = (key: DnsRecordKey, value: string): void => {
    const entry = values.get(keyText(key)) ?? { key, values: new Set<string>() };
    entry.values.add(value);
    values.set(keyText(key), entry);
  };
  const name = published(fqdn);
  for (const { address, reverseHostname } of addresses) {
    add({ name, type: addressFamily(address) === 6 ? 'AAAA' : 'A' }, canonicalAddress(address));
    // One address has one PTR: the first entry decides when an address is listed twice.
    const pointer: DnsRecordKey = { name: reverseName(address), type: 'PTR' };
    if (!values.has(keyText(pointer))) add(pointer, published(reverseHostname ?? fqdn));
  }
  return [...values.values()].map((entry) => ({ ...entry.key, ttlSeconds, values: [...entry.values].sort() }));
}

/** Why a record cannot be published, as a whole sentence, or undefined when it can. */
export function recordProblem(record: DnsRecord): string | undefined {
  const nameProblem = hostnameProblem(record.name);
  if (nameProblem !== undefined) return `The name "${record.name}" ${nameProblem}.`;
  return record.values.map((value) => valueProblem(record.type, value)).find((problem) => problem !== undefined);
}

/**
 * The zones that hold a name: all zones of the longest zone name that the name ends in. Several zones of one name on
 * several providers are all meant; a parent zone is not, because the name is delegated out of it. Classless
 * reverse zones (RFC 2317) hold the addresses of their range.
 */
export function matchingZones<Zone extends Pick<DnsZoneRef, 'name'>>(name: string, zones: readonly Zone[]): Zone[] {
  const holding = zones.filter((zone) => holds(bareName(zone.name), bareName(name)));
  const longest = Math.max(0, ...holding.map((zone) => bareName(zone.name).length));
  return holding.filter((zone) => bareName(zone.name).length === longest);
}

/**
 * Sorts records into the zones that hold them, under the names they have there; zones without a record have no plan.
 * `unmatched` are the desired names that no zone holds.
 */
export function zonePlans<Zone extends Pick<DnsZoneRef, 'name'>>(
  zones: readonly Zone[],
  desired: readonly DnsRecord[],
  remove: readonly DnsRecord[],
): { plans: ZonePlan<Zone>[]; unmatched: string[] } {
  const within = (zone: Zone, records: readonly DnsRecord[]): DnsRecord[] =>
    records
      .filter((record) => matchingZones(record.name, zones).includes(zone))
      .map((record) => ({ ...record, name: nameInZone(bareName(zone.name), bareName(record.name)) ?? record.name }));
  const plans = zones
    .map((zone) => ({ zone, desired: within(zone, desired), remove: within(zone, remove) }))
    .filter((plan) => plan.desired.length + plan.remove.length > 0);
  const homeless = desired.map((record) => record.name).filter((name) => matchingZones(name, zones).length === 0);
  return { plans, unmatched: [...new Set(homeless)] };
}

/** A desired set that must not be written, and why, as a sentence for people. */
export interface Refusal {
  record: DnsRecord;
  message: string;
}

/**
 * The sets to read before a plan is carried out: its own, and of each name the other address type too, because somebody
 * who has a name has it for both.
 */
export function keysToRead({ desired, remove }: Omit<ZonePlan<unknown>, 'zone'>): DnsRecordKey[] {
  const others = desired.flatMap((record) => otherAddressType(record) ?? []);
  const keys = [...desired, ...remove, ...others].map(({ name, type }) => ({ name, type }));
  return [...new Map(keys.map((key) => [keyText(key), key])).values()];
}

/**
 * The desired sets that would take a name over: under it are addresses that are neither desired nor ours to remove, so
 * somebody else has it; or it is the name of the zone itself. A PTR is never refused: the address is ours, and so is what
 * it is called. Nor is a set that is as it should be.
 */
export function refusals(plan: ZonePlan<Pick<DnsZoneRef, 'name'>>, existing: readonly DnsRecord[]): Refusal[] {
  const current = new Map(existing.map((record) => [keyText(record), record]));
  return plan.desired.flatMap((record) => {
    const other = otherAddressType(record);
    if (other === undefined || sameSet(record, current.get(keyText(record)))) return [];
    if (isApex(plan.zone, record)) return [{ record, message: apexMessage(record) }];
    const set = current.get(keyText(record)) ?? current.get(keyText(other));
    return set === undefined || withinValues(set, ownValues(plan, set))
      ? []
      : [{ record, message: takenMessage(record) }];
  });
}

/** The sets that may be removed from a zone: all but the addresses of the zone itself, which are never published. */
export function removable({ zone, remove }: ZonePlan<Pick<DnsZoneRef, 'name'>>): DnsRecord[] {
  return remove.filter((record) => record.type === 'PTR' || !isApex(zone, record));
}

/**
 * The changes that lead from what a zone holds to what it should. A desired set is ours wholly and replaces what is
 * there; `refusals` says which must not come here. Of a set to remove only our values go: what somebody else added to it stays. Removing a set that is also
 * desired means nothing, because the desired set replaces it.
 */
export function recordChanges(
  desired: readonly DnsRecord[],
  existing: readonly DnsRecord[],
  remove: readonly DnsRecord[] = [],
): DnsChange[] {
  const current = new Map(existing.map((record) => [keyText(record), record]));
  const wanted = new Set(desired.map(keyText));
  const sets = desired
    .filter((record) => !sameSet(record, current.get(keyText(record))))
    .map((record): DnsChange => ({ kind: 'set', record }));
  const removals = remove
    .filter((record) => !wanted.has(keyText(record)))
    .flatMap((record) => removal(record, current.get(keyText(record))));
  return [...sets, ...removals];
}

/** Whether all values of a set are among the given ones, in whatever spelling. */
export function withinValues(record: DnsRecord, values: readonly string[]): boolean {
  return without(record, values).length === 0;
}

/** One text for one record set, to compare and index by. */
export function keyText(key: DnsRecordKey): string {
  return `${key.type} ${bareName(key.name)}`;
}

function otherAddressType({ name, type }: DnsRecordKey): DnsRecordKey | undefined {
  return type === 'PTR' ? undefined : { name, type: type === 'A' ? 'AAAA' : 'A' };
}

function isApex(zone: Pick<DnsZoneRef, 'name'>, record: DnsRecordKey): boolean {
  return bareName(zone.name) === bareName(record.name);
}

function ownValues({ desired, remove }: ZonePlan<unknown>, key: DnsRecordKey): string[] {
  return [...desired, ...remove].filter((record) => keyText(record) === keyText(key)).flatMap(({ values }) => values);
}

function takenMessage({ name }: DnsRecord): string {
  return presentable(
    `Records of somebody else exist under the name ${name} and were left alone. Remove them, or make the virtual machine anew with another hostname.`,
  );
}

function apexMessage({ name }: DnsRecord): string {
  return presentable(
    `The name ${name} is that of the zone, whose own records are left alone. Make the virtual machine anew with another hostname.`,
  );
}

function removal(record: DnsRecord, current: DnsRecord | undefined): DnsChange[] {
  if (current === undefined) return [];
  const kept = without(current, record.values);
  if (kept.length === current.values.length) return [];
  if (kept.length > 0) return [{ kind: 'set', record: { ...current, values: kept } }];
  return [{ kind: 'delete', name: record.name, type: record.type, onlyIfValues: record.values }];
}

function without(record: DnsRecord, values: readonly string[]): string[] {
  const gone = new Set(values.map((value) => comparable(record.type, value)));
  return record.values.filter((value) => !gone.has(comparable(record.type, value)));
}

function sameSet(wanted: DnsRecord, current: DnsRecord | undefined): boolean {
  return (
    current !== undefined &&
    current.ttlSeconds === wanted.ttlSeconds &&
    without(wanted, current.values).length === 0 &&
    without(current, wanted.values).length === 0
  );
}

function comparable(type: DnsRecordType, value: string): string {
  if (type === 'PTR') return bareName(value);
  return addressFamily(value) === undefined ? value : canonicalAddress(value);
}

function valueProblem(type: DnsRecordType, value: string): string | undefined {
  if (type === 'PTR') {
    const problem = hostnameProblem(value);
    return problem === undefined ? undefined : `The host name "${value}" ${problem}.`;
  }
  return addressFamily(value) === (type === 'A' ? 4 : 6) ? undefined : `"${value}" is no value of an ${type} record.`;
}

function published(name: string): string {
  return canonicalHostname(name) ?? bareName(name);
}

function holds(zoneName: string, name: string): boolean {
  return nameInZone(zoneName, name) !== undefined;
}

// In a classless zone a PTR record has a name of its own, which the ordinary one is an alias for.
function nameInZone(zoneName: string, name: string): string | undefined {
  if (zoneName === '') return undefined;
  return name === zoneName || name.endsWith(`.${zoneName}`) ? name : classlessName(name, zoneName);
}
