// Stops a VM: the guest is asked first, then the VM is stopped by force. Each has its time, and neither is sent twice.
import { restartReasons } from '../domain/hotplug.ts';
import type { Facts, Need, OwnVm } from '../machine/facts.ts';
import type { Intent } from '../machine/progress.ts';
import type { Step, Verdict } from '../machine/vocabulary.ts';
import { parseUpid } from '../pve/upid.ts';
import { withOwnVm } from './own-vm.ts';

/** Types of the tasks of a forced stop: the node's own, and that of a VM under high availability. */
const STOP_TASKS: ReadonlySet<string> = new Set(['qmstop', 'hastop']);
/** How often a VM that is stopping is looked at. */
const LOOK_MS = 5_000;
/** A forced stop that did not help is tried again after this long. */
const FORCE_AGAIN_MS = 10 * 60_000;

/** Stops the VM because an operation or the declaration asks for it. */
export const stopOnRequest: Step = {
  id: 'stop-vm',
  title: 'Stop VM',
  condition: 'Started',
  needs: () => ['observed', 'power'],
  plan: (facts) => withOwnVm(facts, () => planStop(facts, stillRunning)),
};

/**
 * Stops the VM only when one of the steps that follow asks for a change that a running VM would not take: nothing that
 * can be applied live costs a restart.
 */
export function stopIfNeeded(steps: readonly Step[]): Step {
  return {
    id: 'stop-if-needed',
    title: 'Stop VM if needed',
    condition: 'Started',
    needs: (status) => [
      ...new Set<Need>(['observed', 'power', 'pending', ...steps.flatMap((step) => step.needs(status))]),
    ],
    plan: (facts) => withOwnVm(facts, (vm) => planIfNeeded(facts, vm, steps)),
  };
}

function planIfNeeded(facts: Facts, vm: OwnVm, steps: readonly Step[]): Verdict {
  const { powerBefore, intent } = facts.status.operation ?? {};
  if (facts.power === 'stopped') {
    // Stopped by us a moment ago, or by somebody before: only the first look tells how it was.
    const note = {
      status: { powerState: 'Stopped' as const },
      operation: { powerBefore: powerBefore ?? ('Stopped' as const) },
    };
    return intent === undefined ? { kind: 'skip', why: 'the VM is stopped', note } : { kind: 'done', note };
  }
  const note = { operation: { powerBefore: 'Running' as const } };
  const changes = steps.flatMap((step) => changeOf(step, facts));
  const reasons = [
    ...changes.flatMap((change) => restartReasons({ config: runningConfig(vm, facts), ...change })),
    ...waitingReasons(facts, changes),
  ];
  if (reasons.length === 0) return { kind: 'skip', why: 'no change needs a stop', note };
  const verdict = planStop(facts, stillRunning);
  return verdict.kind === 'act' ? { ...verdict, why: oneText(reasons), note } : verdict;
}

/** Some reasons are sentences, others are parts of one. */
function oneText(reasons: readonly string[]): string {
  return reasons
    .map((reason) => reason.replace(/\.$/, ''))
    .join('; ')
    .slice(0, 300);
}

/** Options that a package decides on: as long as they wait for a start, the package is not in force. */
const PACKAGED = /^(cores|sockets|memory|balloon|net0|(ide|sata|scsi|virtio)\d+)$/;

// One that waits and is decided anew is told by what that asks for: to go back to what is in force needs no stop.
function waitingReasons({ pending = [], inForce }: Facts, changes: readonly Change[]): readonly string[] {
  const isDecided = (key: string): boolean =>
    inForce !== undefined && changes.some(({ set, remove }) => key in set || remove.includes(key));
  return pending
    .filter((key) => PACKAGED.test(key) && !isDecided(key))
    .map((key) => `a change of ${key} waits for a start`);
}

type Change = Pick<Parameters<typeof restartReasons>[0], 'set' | 'remove'>;

function changeOf(step: Step, facts: Facts): Change[] {
  const verdict = step.plan(facts);
  if (verdict.kind !== 'act') return [];
  const { action } = verdict;
  if (action.kind === 'destroyDisk') return [{ set: {}, remove: [action.disk] }];
  return action.kind === 'configure' ? [{ set: action.set, remove: action.remove ?? [] }] : [];
}

/** The configuration that the process runs with: a change that waits is in the other one as if it were in force. */
function runningConfig({ config }: OwnVm, { pending = [], inForce }: Facts): ReadonlyMap<string, string> {
  if (inForce === undefined || pending.length === 0) return config;
  const running = new Map(config);
  for (const key of pending) running.delete(key);
  for (const [key, value] of inForce) running.set(key, value);
  return running;
}

/** What follows when even force has not helped in its time. */
type WhenStillRunning = (facts: Facts) => Verdict;

/** The verdict of the moment on a VM that is to be stopped; `power` must be known. */
export function planStop(facts: Facts, whenStillRunning: WhenStillRunning): Verdict {
  if (facts.power === 'stopped') return { kind: 'done', note: { status: { powerState: 'Stopped' } } };
  const intent = facts.status.operation?.intent;
  switch (intent?.action) {
    case 'shutdown':
      return afterShutdown(facts, passedMs(facts, intent));
    case 'stop':
      return afterForce(facts, passedMs(facts, intent), whenStillRunning);
    default:
      return shutDown(graceSeconds(facts));
  }
}

function shutDown(seconds: number): Verdict {
  if (seconds === 0) return force('no time is given to shut down');
  return { kind: 'act', action: { kind: 'shutdown', graceSeconds: seconds }, why: 'the VM is running' };
}

function afterShutdown(facts: Facts, passed: number): Verdict {
  const isInTime = passed < graceSeconds(facts) * 1_000;
  return isInTime ? stillStopping('The guest is shutting down.') : force('it did not shut down');
}

function afterForce(facts: Facts, passed: number, whenStillRunning: WhenStillRunning): Verdict {
  if (passed < facts.cluster.times.forceStopSeconds * 1_000) return stillStopping('The VM is being stopped.');
  if (!wasForced(facts)) return force('the call that was to stop it was lost');
  return passed < FORCE_AGAIN_MS ? whenStillRunning(facts) : force('it runs on after a forced stop');
}

// A call that got no answer has left no task. If it was carried out all the same, it has had its time.
function wasForced({ status }: Facts): boolean {
  return (status.operation?.taskIDs ?? []).some((upid) => STOP_TASKS.has(parseUpid(upid)?.type ?? ''));
}

function passedMs({ now }: Facts, { sentAt }: Intent): number {
  return now - Date.parse(sentAt);
}

function graceSeconds({ cluster, status }: Facts): number {
  return status.operation?.parameters?.gracePeriodSeconds ?? cluster.times.shutdownSeconds;
}

function force(why: string): Verdict {
  return { kind: 'act', action: { kind: 'stop' }, why };
}

function stillStopping(message: string): Verdict {
  return { kind: 'wait', reason: 'WaitingForTask', message, afterMs: LOOK_MS };
}

function stillRunning({ held }: Facts): Verdict {
  const message = `VM ${held.vmid} runs on after a forced stop. Look at its tasks in Proxmox VE; it is tried again every 10 minutes.`;
  return { kind: 'stall', reason: 'StillRunning', message };
}
