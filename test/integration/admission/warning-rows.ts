// What admission lets in with a warning.
import { aPlan } from '../../builders/objects.ts';
import { anAsked } from './permission-rows.ts';
import { type WarningRow, withSpec } from './row.ts';
import { aServedZone, aTrustedCluster, CLUSTERS, PLANS, VMS, ZONES } from './scene.ts';

const vm = (spec: object, of: (typeof VMS)[keyof typeof VMS] = VMS.ordinary) => ({ merge: { spec }, of });
const plan = (spec: object, of: (typeof PLANS)[keyof typeof PLANS] = PLANS.unused) => ({ merge: { spec }, of });
const newPlan = (spec: Parameters<typeof aPlan>[0]) => ({ create: aPlan(spec, 'trial') });
const trialCluster = aTrustedCluster('trial');
const http = { powerDNS: { url: 'http://ns2.example.net:8081', apiKeySecretRef: { name: 'dns-key' } } };

/** One row at least for each rule that warns, and for each verb that it is asked of. */
export const WARNING_ROWS: readonly WarningRow[] = [
  {
    rule: 'restart-needed',
    name: 'more cores of a VM that runs',
    write: vm({ options: { cpuCores: 2 } }),
    warns: ['stopped and started again', 'cores cannot change while the VM runs'],
    quiet: vm({ options: { networkMBps: 2 } }),
  },
  {
    rule: 'snapshots-go',
    name: 'a consent to the loss of the snapshots that are in the way',
    write: vm({ consent: { deleteSnapshots: ['before-upgrade'] } }),
    warns: ['before-upgrade will be deleted'],
    quiet: vm({ consent: { deleteSnapshots: ['another'] } }),
  },
  {
    rule: 'system-stays',
    name: 'another operating system',
    write: vm({ options: { operatingSystem: 9001 } }),
    warns: ['stays template 9000', 'Reinstall'],
    quiet: vm({ options: { operatingSystem: 9000 } }),
  },
  {
    rule: 'reinstall-losses',
    name: 'a reinstallation',
    write: { create: anAsked({ type: 'Reinstall', reinstall: { confirmation: 'REINSTALL' } }) },
    warns: ['Everything on the disks of web-1', 'backups stay'],
    quiet: { create: anAsked({ type: 'Reboot' }) },
  },
  {
    rule: 'plan-name-rule',
    name: 'a name that all VMs of a new plan would have',
    write: newPlan({ nameRule: 'web' }),
    warns: ['"web" gives every VM the same name'],
    quiet: newPlan({ nameRule: 'web-{random_digit_4}' }),
  },
  {
    rule: 'plan-name-rule',
    name: 'a name that all VMs of a plan would have from now on',
    write: plan({ nameRule: 'web' }),
    warns: ['"web" gives every VM the same name'],
    quiet: plan({ nameRule: 'web-{unixtime}' }),
  },
  {
    rule: 'plan-shrinks-nothing',
    name: 'a size below that of VMs, in an edit that rolls out on request',
    write: plan({ systemDisk: { sizeGiB: 79 } }, PLANS.large),
    warns: ['system disk of 1 VirtualMachine (customer-1/planned-1)', 'disks do not shrink'],
    quiet: plan({ systemDisk: { sizeGiB: 81 } }, PLANS.large),
  },
  {
    rule: 'plan-options-stay',
    name: 'a template taken away that a VM has chosen',
    write: plan({ allowedTemplates: [{ vmid: 9100, family: 'Windows' }] }, PLANS.ordinary),
    warns: ['customer-1/chosen-1', 'not allowed any more'],
    quiet: plan({ allowedTemplates: [{ vmid: 9001 }] }, PLANS.ordinary),
  },
  {
    rule: 'plan-quota-lowered',
    name: 'a quota below the VMs that there are',
    write: plan({ quota: { virtualMachinesPerNamespace: 0 } }, PLANS.full),
    warns: ['More virtual machines of plan kvm-full', '1 in customer-1', 'They stay'],
    quiet: plan({ quota: { virtualMachinesPerNamespace: 2 } }, PLANS.full),
  },
  {
    rule: 'plan-quota-lowered',
    name: 'a plan that VMs wait for, with a quota below their number',
    write: { create: aPlan({ quota: { virtualMachinesPerNamespace: 0 } }, 'kvm-to-come') },
    warns: ['1 in customer-1'],
    quiet: { create: aPlan({ quota: { virtualMachinesPerNamespace: 1 } }, 'kvm-to-come') },
  },
  {
    rule: 'plan-surprises',
    name: 'a cluster that is still to come',
    write: newPlan({ clusterRef: { name: 'to-come' } }),
    warns: ['ProxmoxCluster to-come does not exist yet'],
    quiet: newPlan({}),
  },
  {
    rule: 'plan-surprises',
    name: 'a bridge beside autoNetwork',
    write: plan({ network: { bridge: 'vmbr7' } }),
    warns: ['have no effect while autoNetwork is on'],
    quiet: plan({ network: { bridge: 'vmbr7', autoNetwork: false } }),
  },
  {
    rule: 'cluster-surprises',
    name: 'no trust',
    write: { create: withSpec(trialCluster, { tls: undefined }) },
    warns: ['spec.tls is absent', 'set caBundle or fingerprint'],
    quiet: { create: trialCluster },
  },
  {
    rule: 'cluster-surprises',
    name: 'other endpoints for a cluster with VMs',
    write: { merge: { spec: { endpoints: ['https://other.example.com:8006'] } }, of: CLUSTERS.lab },
    warns: ['All endpoints are replaced', 'nodes of the same Proxmox VE cluster'],
    quiet: { merge: { spec: { endpoints: ['https://lab.example.com:8006', 'https://lab2:8006'] } }, of: CLUSTERS.lab },
  },
  {
    rule: 'zone-url',
    name: 'a new zone by http',
    write: { create: withSpec(aServedZone('trial.example.org'), http) },
    warns: ['the API key is sent in the open'],
    quiet: { create: aServedZone('trial.example.org') },
  },
  {
    rule: 'zone-url',
    name: 'a zone by http from now on',
    write: { merge: { spec: http }, of: ZONES.unused },
    warns: ['Use https'],
    quiet: { merge: { spec: { ttlSeconds: 60 } }, of: ZONES.unused },
  },
];
