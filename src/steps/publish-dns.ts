// set_dns: publishes forward and reverse records. The outcome is data: it is counted and shown, it never holds a VM up.
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { Facts } from '../machine/facts.ts';
import type { Step, Verdict } from '../machine/vocabulary.ts';

export const publishDns: Step = {
  id: 'publish-dns',
  title: 'Publish DNS records',
  condition: 'DNSPublished',
  needs: () => [],
  plan,
  shortfall,
};

function plan({ status, dnsZones }: Facts): Verdict {
  if (dnsZones === 0) return { kind: 'skip', why: 'no DNS zone matches the host name or an address' };
  if (status.dns !== undefined && status.dns.withdrawn !== true) return { kind: 'done' };
  return { kind: 'act', action: { kind: 'publishDns' }, why: 'the records have not been published' };
}

function shortfall({ dns }: VirtualMachineStatus): ReturnType<NonNullable<Step['shortfall']>> {
  const failed = dns?.zones.filter((zone) => !zone.ok) ?? [];
  if (failed.length === 0) return undefined;
  const list = failed.map((zone) => `${zone.zone} (${zone.provider}): ${zone.message ?? 'failed'}`).join('; ');
  return { reason: 'PartlyFailed', message: `Not written: ${list}`.slice(0, 300) };
}
