// Writing a file of the cluster: each has a lock, which nobody gets without quorum.
import { failure } from '../errors.ts';
import type { Call } from './route.ts';

/** A write without quorum tries that long. */
const giveUpMs = 10_000;

/** Which file a call writes, and what its own error begins with. */
export interface ClusterFile {
  /** Name of the lock, for example `file-user_cfg`. */
  lock: string | ((call: Call) => string);
  /** Put before the text of the refusal. */
  prefix?: string;
}

/** The endpoint's code behind the lock: without quorum the call hangs ten seconds and fails. */
export function underClusterLock(file: ClusterFile, run: (call: Call) => unknown): (call: Call) => unknown {
  return (call) => (call.world.quorate ? run(call) : refuse(call, file));
}

async function refuse(call: Call, { lock, prefix = '' }: ClusterFile): Promise<never> {
  await call.world.clock.sleep(giveUpMs);
  throw failure(`${prefix}cfs-lock '${typeof lock === 'string' ? lock : lock(call)}' error: no quorum!`);
}

/** The firewall file of the call's VM. */
export const vmFirewall: ClusterFile = { lock: (call) => `firewall-vm-${String(call.params['vmid'])}` };
