// One word for people on how a VM stands, for the column STATUS of `kubectl get`: a column cannot choose between conditions itself.
import type { AbnormalCondition, Reason } from '../api/conditions.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { findCondition } from '../kube/conditions.ts';

/** What a pipeline does, by its name. The pipelines that are not in here do one step of the others. */
const DOING: Readonly<Record<string, string>> = {
  deploy: 'Deploying',
  change_package: 'ChangingPackage',
  terminate: 'Terminating',
  reinstall: 'Reinstalling',
  redeploy: 'Redeploying',
  set_dns_records: 'SettingDNSRecords',
  start: 'Starting',
  stop: 'Stopping',
  reboot: 'Rebooting',
  reset: 'Resetting',
  reset_password: 'ResettingPassword',
};

/** Reasons of a pipeline that takes its course: of them people want to see what it does. */
const COURSE: ReadonlySet<string> = new Set<Reason>(['InProgress', 'WaitingForTask', 'Terminating', 'Ready']);

/** Conditions under which nothing is done, whatever else is so. */
const HELD: readonly AbnormalCondition[] = ['Paused', 'DeletionProtected'];

/** The word for a VM with this status. Pure. */
export function printableStatus({ metadata, status = {} }: Pick<VirtualMachine, 'metadata' | 'status'>): string {
  const { conditions, operation } = status;
  const held = HELD.find((type) => findCondition(conditions, type)?.status === 'True');
  const reason = findCondition(conditions, 'Ready')?.reason;
  if (held !== undefined) return held;
  if (operation !== undefined) return ofPipeline(operation.machine, reason);
  return metadata.deletionTimestamp === undefined ? (reason ?? 'Pending') : 'Terminating';
}

function ofPipeline(machine: string, reason: string | undefined): string {
  return reason === undefined || COURSE.has(reason) ? (DOING[machine] ?? 'Configuring') : reason;
}
