// What is said of a VM that is in place: whether it runs, and of one that does not, who wants it so.
import type { Reason } from '../api/conditions.ts';
import type { VirtualMachineSpec } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { declaredPower } from './power.ts';

/** What decides about the power of a VM. */
export type PowerSpec = Pick<VirtualMachineSpec, 'runStrategy' | 'suspension'>;

export interface Standing {
  reason: Reason;
  message: string;
}

const LONGEST_MESSAGE = 300;

const RUNS: Standing = { reason: 'Ready', message: 'The virtual machine is up as declared.' };
const UNKNOWN: Standing = {
  reason: 'Ready',
  message: 'The virtual machine is in place; whether it runs is not known at the moment.',
};
const HALTED: Standing = {
  reason: 'Halted',
  message: 'The virtual machine is in place; it is kept stopped, because spec.runStrategy is Halted.',
};
const STOPPED: Standing = {
  reason: 'StoppedByHand',
  message: 'The virtual machine is in place; it is stopped. An operation of type Start starts it.',
};

/** Reason and message of Ready=True. Power is left to people: a VM that they stopped is as it was declared. */
export function standing(spec: PowerSpec, powerState: VirtualMachineStatus['powerState'] = 'Running'): Standing {
  if (powerState !== 'Stopped') return powerState === 'Running' ? RUNS : UNKNOWN;
  if (spec.suspension !== undefined) return suspended(spec.suspension.reason);
  return declaredPower(spec)?.power === 'Stopped' ? HALTED : STOPPED;
}

function suspended(because: string): Standing {
  const message = `The virtual machine is in place; it is suspended and kept stopped: ${because}`;
  return { reason: 'Suspended', message: message.slice(0, LONGEST_MESSAGE) };
}
