// Properties of saved states: any state is the same after it was written and read, and a simulator that goes on from it saves the same again.
import {
  array,
  assert as holds,
  asyncProperty,
  constantFrom,
  dictionary,
  integer,
  letrec,
  oneof,
  property,
  string,
  tuple,
  uniqueArray,
} from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from './clock.ts';
import { parseStates, stateText } from './saved-state.ts';
import type { SavedState } from './saved-state.ts';
import { Simulator } from './simulator.ts';
import { fromText, toText } from './state/saved-world.ts';
import { demoTopology, Lab } from './testing.ts';

describe('the text of a state', () => {
  // What JSON cannot tell apart from nothing, undefined, is left out of plain objects as JSON does.
  const { value } = letrec((tie) => {
    const small = { maxLength: 4 };
    const key = oneof(string({ maxLength: 3 }), integer());
    return {
      value: oneof(
        { maxDepth: 4 },
        constantFrom<unknown>(null, true, 0, -1.5, '', 'ü€\n"'),
        string({ maxLength: 8 }),
        array(tie('value'), small),
        dictionary(
          string({ maxLength: 5 }).filter((name) => !name.startsWith('$') && name !== '__proto__'),
          tie('value'),
          { maxKeys: 4 },
        ),
        uniqueArray(tuple(key, tie('value')), { ...small, selector: ([name]) => `${typeof name} ${name}` }).map(
          (entries) => new Map(entries),
        ),
        uniqueArray(key, small).map((items) => new Set(items)),
      ),
    };
  });

  it('keeps maps, sets, numbers as keys and the order of everything', () => {
    holds(
      property(value, (any) => {
        expect(fromText(toText(any))).toEqual(any);
        expect(toText(fromText(toText(any)))).toBe(toText(any));
      }),
      { numRuns: 300 },
    );
  });
});

/** Things that happen to a cluster; each is harmless where it does not fit. */
const events: Readonly<Record<string, (lab: Lab) => unknown>> = {
  clone: (lab) => lab.call('POST', '/nodes/pve1/qemu/9000/clone', { newid: 100, name: 'one' }),
  fullClone: (lab) => lab.call('POST', '/nodes/pve1/qemu/9000/clone', { newid: 101, full: 1 }),
  start: (lab) => lab.call('POST', '/nodes/pve1/qemu/100/status/start'),
  stop: (lab) => lab.call('POST', '/nodes/pve1/qemu/100/status/stop'),
  change: (lab) => lab.call('PUT', '/nodes/pve1/qemu/100/config', { cores: 4, tags: 'a;b', ipconfig0: 'ip=dhcp' }),
  drop: (lab) => lab.call('PUT', '/nodes/pve1/qemu/100/config', { delete: 'serial0' }),
  snapshot: (lab) => lab.call('POST', '/nodes/pve1/qemu/100/snapshot', { snapname: 'first', description: 'ü "x"' }),
  backup: (lab) => lab.call('POST', '/nodes/pve1/vzdump', { vmid: 100, storage: 'shared' }),
  firewall: (lab) =>
    lab.call('POST', '/nodes/pve1/qemu/100/firewall/rules', { type: 'in', action: 'ACCEPT', enable: 1 }),
  ipset: (lab) => lab.call('POST', '/nodes/pve1/qemu/100/firewall/ipset', { name: 'ipfilter-net0' }),
  lock: (lab) => lab.simulator.world.vms.has(100) && lab.simulator.setLock(100, 'backup'),
  steal: (lab) => lab.simulator.world.vms.has(102) || lab.simulator.stealVmid(102),
  manage: (lab) => lab.simulator.world.haResources.set('vm:100', { state: 'started' }),
  ask: (lab) => lab.call('POST', '/nodes/pve1/qemu/100/migrate', { target: 'pve2', online: 1 }),
  fill: (lab) => lab.simulator.fillStorage('shared', 1000),
  hide: (lab) => lab.simulator.hideVolume('shared:9000/base-9000-disk-0.qcow2'),
  silence: (lab) => lab.simulator.setAgent(9000, 'hanging'),
  loseNode: (lab) => lab.simulator.nodeDown('pve3'),
  getNode: (lab) => lab.simulator.nodeUp('pve3'),
  revoke: (lab) => lab.simulator.revokePrivilege('PveOperator', 'VM.Backup'),
  wait: (lab) => lab.clock.advance(3000),
  waitLonger: (lab) => lab.clock.advance(61_000),
};

function read(state: SavedState): SavedState {
  const [again] = parseStates(stateText([state]));
  if (again === undefined) throw new Error('nothing was read');
  return again;
}

describe('any history', () => {
  const history = array(constantFrom(...Object.keys(events)), { maxLength: 12 });

  it('is saved and read without a loss, and saved the same by who goes on from it', async () => {
    await holds(
      asyncProperty(history, async (names) => {
        const lab = new Lab();
        for (const name of names) await events[name]?.(lab);
        // Workers that run now will have died; what they are doing must be over for the states to be the same.
        await lab.clock.advance(200_000);
        const saved = lab.simulator.save();
        expect(read(saved)).toEqual(saved);
        const clock = new VirtualClock(saved.at);
        const again = new Simulator({ topology: demoTopology(), clock, state: read(saved) });
        expect(stateText([again.save()])).toBe(stateText([saved]));
        expect(again.leaks()).toEqual(lab.simulator.leaks());
        await again.close();
        await lab.simulator.close();
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('can be cut off in the middle of its work: every task has an end then, and the API answers', async () => {
    await holds(
      asyncProperty(history, async (names) => {
        const lab = new Lab();
        for (const name of names) await events[name]?.(lab);
        const saved = read(lab.simulator.save());
        const clock = new VirtualClock(saved.at + 60_000);
        const again = new Lab(1, {
          clock,
          simulator: new Simulator({ topology: demoTopology(), clock, state: saved }),
        });
        for (const { status } of again.simulator.world.tasks.save().tasks) expect(status).toEqual(expect.any(String));
        expect(await again.call('GET', '/cluster/resources')).toMatchObject({ status: 200 });
        expect(await again.call('GET', '/nodes/pve1/qemu')).toMatchObject({ status: 200 });
        await again.simulator.close();
        await lab.simulator.close();
      }),
      { numRuns: 30 },
    );
  }, 60_000);
});
