// set_cloudinit: user, password, keys, main addresses and DNS servers of the guest.
import { cloudInitDifference, desiredCloudInit } from '../domain/cloud-init.ts';
import type { Facts, OwnVm } from '../machine/facts.ts';
import { PASSWORD_FROM_SECRET, type Step, type Verdict } from '../machine/vocabulary.ts';
import { designOf, withOwnVm } from './own-vm.ts';

export const setCloudInit: Step = {
  id: 'set-cloud-init',
  title: 'Configure cloud-init',
  condition: 'CloudInitConfigured',
  needs: () => ['observed', 'credentials'],
  batchable: true,
  plan: (facts) => withOwnVm(facts, (vm) => plan(facts, vm)),
};

function plan(facts: Facts, { config }: OwnVm): Verdict {
  if (facts.credentials?.kind !== 'present') {
    return {
      kind: 'stall',
      reason: 'SecretMissing',
      message: 'The Secret with the credentials of this VM is gone or belongs to something else.',
    };
  }
  const { plan: product, fqdn, name } = designOf(facts);
  const addresses = facts.status.addresses ?? [];
  const wanted = desiredCloudInit({
    user: facts.credentials.user,
    sshKeys: facts.vm.spec.sshAuthorizedKeys ?? [],
    addresses,
    dhcp4: product.network?.dhcpIPv4 ?? false,
    dhcp6: product.network?.dhcpIPv6 ?? false,
    nameservers: addresses.find((entry) => entry.primary)?.nameservers ?? [],
    hostname: fqdn,
    vmName: config.get('name') ?? name,
    ...(product.domain === undefined ? {} : { searchDomain: product.domain }),
  });
  const difference = cloudInitDifference(wanted, config);
  const set: Record<string, string> = { ...difference.set };
  // Proxmox VE masks the password when it is read; whether ours is in is remembered, and given again after a crash.
  if (facts.status.operation?.passwordHandedOver !== true) set['cipassword'] = PASSWORD_FROM_SECRET;
  if (Object.keys(set).length === 0 && difference.delete.length === 0)
    return { kind: 'done', note: { status: handedOver(facts.credentials, fqdn) } };
  const action = {
    kind: 'configure' as const,
    set,
    ...(difference.delete.length === 0 ? {} : { remove: difference.delete }),
  };
  return { kind: 'act', action, why: 'cloud-init differs from what is declared' };
}

function handedOver({ user, secretName }: { user: string; secretName: string }, fqdn: string) {
  return { osUser: user, credentialsSecret: secretName, fqdn };
}
