// What must hold in every state of the search.
import { note, oursOrComing, type World } from './model-world.ts';

/** Notes in the world what does not hold at this moment, so that it is known also when it holds again later. */
export function judge(world: World): void {
  const ours = Object.entries(world.vms).filter(([, { stamp }]) => stamp === 'ours' || stamp === 'placeholder');
  const several = ours.length > 1 ? [`VMs ${ours.map(([vmid]) => vmid).join(' and ')} are both ours`] : [];
  const unreserved = oursOrComing(world)
    .filter((vmid) => !world.reserved.includes(vmid))
    .map((vmid) => `VMID ${vmid} is not reserved while a VM of ours is there or may still come`);
  note(world, ...several, ...unreserved);
}

/** Whether nothing is left to be done: the VM is up as declared, or nothing is left of it. */
export function isGoal(world: World): boolean {
  if (world.gone) return world.reserved.length === 0 && oursOrComing(world).length === 0;
  const [view] = world.views;
  return view !== undefined && !view.deleting && view.status.state === 'ready' && view.status.operation === undefined;
}

/** Whether the object shows that only a person can help. */
export function isStalled({ views }: World): boolean {
  return views[0]?.stalled !== undefined;
}
