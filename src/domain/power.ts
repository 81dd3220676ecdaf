// Who decides whether a VM runs: suspension before runStrategy before what it was.
import type { Reason } from '../api/conditions.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { OperationStatus, VirtualMachineStatus } from '../api/virtual-machine-status.ts';

export type Power = 'Running' | 'Stopped';

export interface PowerDecision {
  power: Power;
  /** Why it is to be stopped; absent where it is to run. */
  because?: { reason: Reason; message: string };
}

const SUSPENDED = { reason: 'Suspended', message: 'The VM is suspended and kept stopped.' } as const;
const HALTED = { reason: 'Halted', message: 'spec.runStrategy is Halted: the VM is kept stopped.' } as const;
const AS_BEFORE = {
  reason: 'StoppedByHand',
  message: 'The VM was stopped before, and nobody asked for a start.',
} as const;

/** What the object declares about power; undefined where it is left to operations and people (Manual). */
export function declaredPower(
  spec: Pick<VirtualMachine['spec'], 'runStrategy' | 'suspension'>,
): PowerDecision | undefined {
  if (spec.suspension !== undefined) return { power: 'Stopped', because: SUSPENDED };
  if (spec.runStrategy === 'Halted') return { power: 'Stopped', because: HALTED };
  return spec.runStrategy === 'Always' ? { power: 'Running' } : undefined;
}

/** How a pipeline leaves the VM: as declared, else as it found it, else running: a deploy starts its VM. */
export function powerAfter(
  spec: Pick<VirtualMachine['spec'], 'runStrategy' | 'suspension'>,
  operation: Pick<OperationStatus, 'powerBefore'> | undefined,
): PowerDecision {
  const declared = declaredPower(spec);
  if (declared !== undefined) return declared;
  return operation?.powerBefore === 'Stopped' ? { power: 'Stopped', because: AS_BEFORE } : { power: 'Running' };
}

export interface PowerWish {
  power: Power;
  /** Set where a suspension begins or ends: what the status is to say of it from now on. */
  change?: Pick<VirtualMachineStatus, 'suspension'>;
  /** What asks for it, for the record. */
  trigger: string;
}

/**
 * How a VM at rest, seen running or stopped, is to be. A suspension that begins remembers how the VM was; one that ends
 * leaves it so, unless runStrategy decides.
 */
export function powerWish({ spec, status = {} }: VirtualMachine, seen: Power, since: string): PowerWish {
  const { suspension } = status;
  const declared = declaredPower(spec)?.power;
  if (spec.suspension !== undefined) {
    const begins = suspension === undefined ? { change: { suspension: { since, powerBefore: seen } } } : {};
    return { power: 'Stopped', trigger: 'spec.suspension', ...begins };
  }
  if (suspension === undefined) return { power: declared ?? seen, trigger: `spec.runStrategy ${spec.runStrategy}` };
  const power = declared ?? suspension.powerBefore;
  return { power, trigger: 'spec.suspension taken away', change: { suspension: undefined } };
}
