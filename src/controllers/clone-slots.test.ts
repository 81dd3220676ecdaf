// Tests of the clone slots: limits per storage and per node, and who is woken when one becomes free.
import { describe, expect, test } from 'vitest';
import { CloneSlots } from './clone-slots.ts';

const ON_NFS = { node: 'pve1', storage: 'nfs' };
const NFS_ELSEWHERE = { node: 'pve2', storage: 'nfs' };
const ON_LVM = { node: 'pve1', storage: 'lvm' };
const FAR = { node: 'pve3', storage: 'ceph' };

function slots(perStorage: number, perNode: number) {
  const made = new CloneSlots();
  made.setLimits({ perStorage, perNode });
  const woken: string[] = [];
  const take = (uid: string, place: { node: string; storage: string }) => made.take(uid, place, () => woken.push(uid));
  return { made, woken, take };
}

describe('taking a slot', () => {
  test('the limit of a storage counts clones from all nodes', () => {
    const { take } = slots(2, 9);
    expect(take('a', ON_NFS)).toEqual({ free: true });
    expect(take('b', NFS_ELSEWHERE)).toEqual({ free: true });
    expect(take('c', ON_NFS)).toEqual({ free: false, running: 2, limit: 2, where: 'storage nfs' });
    expect(take('d', ON_LVM)).toEqual({ free: true });
  });

  test('the limit of a node counts clones of all storages', () => {
    const { take } = slots(9, 2);
    take('a', ON_NFS);
    take('b', ON_LVM);
    expect(take('c', ON_LVM)).toEqual({ free: false, running: 2, limit: 2, where: 'node pve1' });
    expect(take('d', NFS_ELSEWHERE)).toEqual({ free: true });
  });

  test('who has a slot keeps it when it asks again', () => {
    const { take } = slots(1, 1);
    take('a', ON_NFS);
    expect(take('a', ON_NFS)).toEqual({ free: true });
  });

  test('a clone that was begun before a restart counts', () => {
    const { made, take } = slots(1, 1);
    made.restore('a', ON_NFS);
    expect(take('b', ON_NFS)).toMatchObject({ free: false });
  });

  test('a raised limit lets the next one in', () => {
    const { made, take } = slots(1, 1);
    take('a', ON_NFS);
    take('b', ON_NFS);
    made.setLimits({ perStorage: 2, perNode: 2 });
    expect(take('b', ON_NFS)).toEqual({ free: true });
  });
});

describe('giving a slot back', () => {
  test('wakes those who wait one by one, the first first', () => {
    const { made, woken, take } = slots(1, 1);
    take('a', ON_NFS);
    take('b', ON_NFS);
    take('c', ON_NFS);
    made.release('a');
    expect(woken).toEqual(['b']);
    take('b', ON_NFS);
    made.release('b');
    expect(woken).toEqual(['b', 'c']);
  });

  test('passes over one that still cannot go, which stays first in line for its own place', () => {
    const { made, woken, take } = slots(1, 9);
    take('a', ON_NFS);
    take('b', ON_LVM);
    take('waits for nfs', ON_NFS);
    take('waits for lvm', ON_LVM);
    made.release('b');
    expect(woken).toEqual(['waits for lvm']);
    made.release('a');
    expect(woken).toEqual(['waits for lvm', 'waits for nfs']);
  });

  test('wakes nobody when the slot is of no use to those who wait', () => {
    const { made, woken, take } = slots(1, 9);
    take('a', ON_NFS);
    take('far', FAR);
    take('b', ON_NFS);
    made.release('far');
    expect(woken).toEqual([]);
  });

  test('wakes nobody when none was held, and forgets one that gave up waiting', () => {
    const { made, woken, take } = slots(1, 1);
    take('a', ON_NFS);
    take('b', ON_NFS);
    made.release('b');
    made.release('a');
    expect(woken).toEqual([]);
  });
});
