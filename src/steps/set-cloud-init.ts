// set_cloudinit: user, password, keys, main addresses and DNS servers of the guest.
import { cloudInitDifference, type CloudInitRequest, desiredCloudInit, sshKeysDigest } from '../domain/cloud-init.ts';
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

/** Tells cloud-init of the main addresses after a change of their number. */
export const setAddressLine: Step = {
  id: 'set-address-line',
  title: 'Configure addresses in cloud-init',
  condition: 'CloudInitConfigured',
  needs: () => ['observed'],
  batchable: true,
  plan: (facts) =>
    withOwnVm(facts, (vm) => {
      const set = addressLineChange(facts, vm);
      if (Object.keys(set).length === 0) return { kind: 'done' };
      return { kind: 'act', action: { kind: 'configure', set }, why: 'cloud-init does not know the main addresses' };
    }),
};

/** Gives cloud-init a new password and nothing else: what else it has may be that of a VM that was adopted. */
export const setPasswordLine: Step = {
  id: 'set-password-line',
  title: 'Configure the password in cloud-init',
  condition: 'CloudInitConfigured',
  needs: () => ['observed', 'credentials'],
  plan: (facts) => withOwnVm(facts, (vm) => planPassword(facts, vm)),
};

function planPassword({ credentials, status }: Facts, { config }: OwnVm): Verdict {
  if (credentials?.kind !== 'present') return NO_CREDENTIALS;
  const { user } = credentials;
  const set = {
    ...(config.get('ciuser') === user ? {} : { ciuser: user }),
    ...(status.operation?.passwordHandedOver === true ? {} : { cipassword: PASSWORD_FROM_SECRET }),
  };
  if (Object.keys(set).length === 0) return { kind: 'done' };
  return { kind: 'act', action: { kind: 'configure', set }, why: 'cloud-init does not know the new password' };
}

const NO_CREDENTIALS: Verdict = {
  kind: 'stall',
  reason: 'SecretMissing',
  message: 'The Secret with the credentials of this VM was never made. An operation of type ResetPassword makes it.',
};

/**
 * The keys with which cloud-init gets to know the main addresses and their DNS servers, as far as they differ. A main
 * address is never given back, so that there is nothing to remove; without one the line is not ours.
 */
export function addressLineChange(facts: Facts, { config }: OwnVm): Record<string, string> {
  const { set } = cloudInitDifference(desiredCloudInit(request(facts, config)), config);
  return Object.fromEntries(Object.entries(set).filter(([key]) => key === 'ipconfig0' || key === 'nameserver'));
}

/** The name that the VM is known to have had, where it has another one by now. Cloud-init makes the host name of it. */
export function nameChange({ status: { name } }: Facts, { config }: Pick<OwnVm, 'config'>): { name?: string } {
  return name === undefined || config.get('name') === name ? {} : { name };
}

function plan(facts: Facts, { config }: OwnVm): Verdict {
  if (facts.credentials?.kind !== 'present') return NO_CREDENTIALS;
  // What the host name asks for comes before what the name was.
  const desired = { ...nameChange(facts, { config }), ...desiredCloudInit(request(facts, config)) };
  const { set, delete: remove } = cloudInitDifference(desired, config);
  // Proxmox VE masks the password when it is read; whether ours is in is remembered, and given again after a crash.
  if (facts.status.operation?.passwordHandedOver !== true) set['cipassword'] = PASSWORD_FROM_SECRET;
  if (Object.keys(set).length + remove.length > 0) {
    return { kind: 'act', action: { kind: 'configure', set, remove }, why: 'cloud-init differs from what is declared' };
  }
  const handedOver = sshKeysDigest(facts.vm.spec.sshAuthorizedKeys ?? []);
  const status = { fqdn: designOf(facts).fqdn, name: config.get('name'), sshKeysDigest: handedOver };
  return { kind: 'done', note: { status } };
}

function request(facts: Facts, config: ReadonlyMap<string, string>): CloudInitRequest {
  const { plan: product, fqdn, name } = designOf(facts);
  const addresses = facts.status.addresses ?? [];
  return {
    user: facts.status.osUser ?? '',
    sshKeys: facts.vm.spec.sshAuthorizedKeys ?? [],
    addresses,
    dhcp4: product.network.dhcpIPv4,
    dhcp6: product.network.dhcpIPv6,
    nameservers: addresses.find((entry) => entry.primary)?.nameservers ?? [],
    hostname: fqdn,
    vmName: facts.status.name ?? config.get('name') ?? name,
    searchDomain: product.domain,
  };
}
