// In which order operations are executed, and which later one makes an earlier one pointless.
import {
  type OperationType,
  SINGLE_STEP_TYPES,
  type VirtualMachineOperation,
} from '../api/virtual-machine-operation.ts';

type Ordered = Pick<VirtualMachineOperation, 'metadata'>;

const POWER: ReadonlySet<OperationType> = new Set(['Start', 'Stop', 'Reboot', 'Reset']);

/** What a machine that is made anew gets anyway. */
const REDONE: ReadonlySet<OperationType> = new Set([
  ...POWER,
  'SetDNSRecords',
  'ChangePackage',
  'ResetPassword',
  ...SINGLE_STEP_TYPES,
]);

const REMAKING: ReadonlySet<OperationType> = new Set(['Reinstall', 'Redeploy']);

/** Whether the first was made after the second; of one second, which is as exact as the API server is, the name decides. */
export function isLater({ metadata: left }: Ordered, { metadata: right }: Ordered): boolean {
  const [leftTime = '', rightTime = ''] = [left.creationTimestamp, right.creationTimestamp];
  return leftTime === rightTime ? left.name > right.name : leftTime > rightTime;
}

/** Whether a queued operation takes the place of an earlier queued one. */
export function supersedes(later: VirtualMachineOperation, earlier: VirtualMachineOperation): boolean {
  return isLater(later, earlier) && replaces(later.spec.type, earlier.spec.type);
}

function replaces(later: OperationType, earlier: OperationType): boolean {
  if (later === earlier || (POWER.has(later) && POWER.has(earlier))) return true;
  return REMAKING.has(later) && REDONE.has(earlier);
}
