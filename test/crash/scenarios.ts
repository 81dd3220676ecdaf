// THE LIST: every pipeline of a VM's life, and every operation, as something that happens to a VM and is disturbed.
import {
  type Act,
  byHand,
  deletion,
  edit,
  editPlan,
  forcedRemoval,
  isStalled,
  operate,
  reinstallation,
  setOption,
  together,
  until,
  wait,
} from './acts.ts';
import { type CrashKind, DEATHS } from './interruption.ts';
import { counted, dhcp, full, linked, type Profile } from './profiles.ts';
import { FIRST_VMID } from './world.ts';

export interface Scenario {
  name: string;
  profile: Profile;
  /** What has happened when it begins, each act to its end; empty: nothing but the objects is there. */
  given: readonly Act[];
  /** What is disturbed. */
  when: Act;
  /** In which ways; absent: in all. A variant of another scenario is disturbed in the ways that its own calls can differ in. */
  kinds?: readonly CrashKind[];
}

const ROLE = 'PveOperator';
const DEPLOYED: readonly Act[] = [wait];
const STOPPED: readonly Act[] = [wait, operate('Stop')];
const SUSPENSION = edit({ suspension: { reason: 'unpaid' } });
const PROTECTED = together(
  setOption('protection', () => '1'),
  until(deletion, isStalled),
);
/** A deploy that has come as far as the start. */
const STALLED = together(
  byHand(({ sim }) => sim.revokePrivilege(ROLE, 'VM.PowerMgmt')),
  until(wait, isStalled),
);
const ALLOWED_AGAIN = byHand(({ sim }) => void sim.world.access.roles.get(ROLE)?.add('VM.PowerMgmt'));

/** From nothing to ready, and from ready to nothing. */
export const LIVES: readonly Scenario[] = [
  { name: 'deploy linked', profile: linked, given: [], when: wait },
  { name: 'deploy full', profile: full, given: [], when: wait, kinds: DEATHS },
  { name: 'deploy dhcp', profile: dhcp, given: [], when: wait, kinds: DEATHS },
  { name: 'deploy in a quota', profile: counted, given: [], when: wait },
  { name: 'delete linked', profile: linked, given: DEPLOYED, when: deletion },
  { name: 'delete full', profile: full, given: DEPLOYED, when: deletion, kinds: DEATHS },
  { name: 'delete dhcp', profile: dhcp, given: DEPLOYED, when: deletion, kinds: DEATHS },
  { name: 'delete in a quota', profile: counted, given: DEPLOYED, when: deletion },
];

/** Other packages. */
export const CHANGES: readonly Scenario[] = [
  { name: 'everything bigger', profile: full, given: DEPLOYED, when: edit({ planRef: { name: 'big' } }) },
  {
    name: 'everything smaller',
    profile: full,
    given: DEPLOYED,
    when: edit({
      planRef: { name: 'tiny' },
      consent: { destroyVolumes: ['local-lvm:vm-2000-disk-0', 'local-lvm:vm-2000-disk-1', 'local-lvm:vm-2000-disk-2'] },
    }),
  },
  { name: 'from quota to quota', profile: counted, given: DEPLOYED, when: edit({ planRef: { name: 'big' } }) },
  { name: 'more CPU cores', profile: linked, given: DEPLOYED, when: edit({ options: { cpuCores: 4 } }) },
  {
    name: 'an edited plan, rolled out',
    profile: linked,
    given: DEPLOYED,
    when: editPlan({ memoryGiB: 4, rollOut: 'Automatic' }),
  },
  {
    name: 'an edited plan, asked for',
    profile: linked,
    given: DEPLOYED,
    when: together(editPlan({ memoryGiB: 4 }), operate('ChangePackage')),
  },
];

/** The machine made anew. */
export const RENEWALS: readonly Scenario[] = [
  { name: 'reinstall linked', profile: linked, given: DEPLOYED, when: reinstallation },
  { name: 'reinstall full', profile: full, given: DEPLOYED, when: reinstallation, kinds: DEATHS },
  {
    name: 'redeploy',
    profile: linked,
    given: [STALLED],
    when: together(ALLOWED_AGAIN, operate('Redeploy', { redeploy: { confirmation: 'REDEPLOY' } })),
    kinds: DEATHS,
  },
];

/** Power, passwords and records. */
export const OPERATIONS: readonly Scenario[] = [
  { name: 'Stop', profile: linked, given: DEPLOYED, when: operate('Stop') },
  {
    name: 'Stop by force',
    profile: linked,
    given: DEPLOYED,
    when: operate('Stop', { stop: { gracePeriodSeconds: 0 } }),
  },
  { name: 'Start', profile: linked, given: STOPPED, when: operate('Start') },
  { name: 'Reboot', profile: linked, given: DEPLOYED, when: operate('Reboot') },
  { name: 'Reset', profile: linked, given: DEPLOYED, when: operate('Reset') },
  { name: 'ResetPassword', profile: linked, given: DEPLOYED, when: operate('ResetPassword') },
  { name: 'SetDNSRecords', profile: linked, given: DEPLOYED, when: operate('SetDNSRecords') },
  { name: 'suspension', profile: linked, given: DEPLOYED, when: SUSPENSION },
  { name: 'unsuspension', profile: linked, given: [wait, SUSPENSION], when: edit({ suspension: null }) },
  { name: 'Halted', profile: linked, given: DEPLOYED, when: edit({ runStrategy: 'Halted' }) },
  { name: 'Always', profile: linked, given: STOPPED, when: edit({ runStrategy: 'Always' }) },
  {
    name: 'ResetStatus',
    profile: linked,
    given: DEPLOYED,
    when: operate('ResetStatus', { resetStatus: { state: 'creation' } }),
  },
];

/** Single steps, where somebody has changed by hand what they set. */
export const STEPS: readonly Scenario[] = [
  step('SetAddresses'),
  step(
    'SetCPUAndMemory',
    setOption('cores', () => '1'),
  ),
  step('SetSystemDiskSize'),
  step(
    'SetSystemDiskLimits',
    setOption('scsi0', (line) => line.replaceAll(/,(mbps_wr|iops_rd)=[^,]*/g, '')),
  ),
  step('CreateAdditionalDisk'),
  step('SetAdditionalDiskSize'),
  step(
    'SetAdditionalDiskLimits',
    setOption('scsi1', (line) => line.replaceAll(/,(mbps_rd|iops_wr)=[^,]*/g, '')),
  ),
  step(
    'SetNetwork',
    setOption('net0', (line) => line.replace(/,rate=[^,]*/, '')),
  ),
  step(
    'SetFirewall',
    byHand(({ sim }) => void sim.world.firewall.delete(FIRST_VMID)),
  ),
  step(
    'SetCloudInit',
    setOption('nameserver', () => '192.0.2.99'),
  ),
];

/** Ends that are not the usual one. */
export const ENDS: readonly Scenario[] = [
  {
    name: 'Retain',
    profile: linked,
    given: [wait, edit({ deletionPolicy: 'Retain' })],
    when: deletion,
  },
  { name: 'removal by force', profile: linked, given: DEPLOYED, when: forcedRemoval },
  { name: 'removal by force in a quota', profile: counted, given: DEPLOYED, when: forcedRemoval },
  {
    name: 'RetryTerminate',
    profile: linked,
    given: [wait, PROTECTED],
    when: together(
      setOption('protection', () => '0'),
      until(operate('RetryTerminate'), deletion.isDone),
    ),
  },
  { name: 'deletion of a stopped VM', profile: full, given: STOPPED, when: deletion },
];

export const SCENARIOS: readonly Scenario[] = [...LIVES, ...CHANGES, ...RENEWALS, ...OPERATIONS, ...STEPS, ...ENDS];

function step(type: Parameters<typeof operate>[0], changedByHand?: Act): Scenario {
  const when = changedByHand === undefined ? operate(type) : together(changedByHand, operate(type));
  return { name: type, profile: full, given: DEPLOYED, when };
}
