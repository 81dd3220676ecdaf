// Tests of the actions in recorded scenarios: what an administrator did between the requests.
import { describe, expect, it } from 'vitest';
import { awaited, clone, differences, ok, type PartialStep, template } from './made-up.ts';

describe('an action', () => {
  const config: PartialStep = {
    request: { method: 'PUT', path: `${template}/config`, params: { cores: 2 } },
    response: ok,
  };
  const locked: PartialStep = { ...config, response: { status: 500, reason: 'VM is locked (backup)' } };
  const clonable: PartialStep = { ...clone };
  const forbidden: PartialStep = {
    ...clone,
    response: { status: 403, reason: 'Permission check failed (/vms/9000, VM.Clone)' },
    patterns: {},
  };
  const volume = 'shared:9000/base-9000-disk-0.qcow2';
  const hidden: PartialStep = { ...awaited, task: { exitstatus: `clone failed: volume '${volume}' does not exist` } };
  const elsewhere: PartialStep = { request: { method: 'GET', path: '/nodes/pve2/status' }, response: ok };
  const gone: PartialStep = {
    request: { method: 'GET', path: '/nodes/pve2/status' },
    response: { status: 596, reason: 'Connection reset by peer', body: '' },
  };
  const rows: { name: string; steps: PartialStep[] }[] = [
    { name: 'setLock writes a lock', steps: [{ action: { kind: 'setLock', vmid: 9000, lock: 'backup' } }, locked] },
    {
      name: 'setLock with null removes it',
      steps: [
        { action: { kind: 'setLock', vmid: 9000, lock: 'backup' } },
        { action: { kind: 'setLock', vmid: 9000, lock: null } },
        config,
      ],
    },
    {
      name: 'setRole takes privileges out of a role',
      steps: [{ action: { kind: 'setRole', role: 'PveOperator', without: ['VM.Clone'] } }, forbidden],
    },
    {
      name: 'setRole gives the others back',
      steps: [
        { action: { kind: 'setRole', role: 'PveOperator', without: ['VM.Clone'] } },
        { action: { kind: 'setRole', role: 'PveOperator', without: [] } },
        clonable,
      ],
    },
    { name: 'hideVolume takes a disk away', steps: [{ action: { kind: 'hideVolume', volume } }, hidden] },
    {
      name: 'showVolume brings it back',
      steps: [{ action: { kind: 'hideVolume', volume } }, { action: { kind: 'showVolume', volume } }, awaited],
    },
    { name: 'nodeDown takes a node', steps: [{ action: { kind: 'nodeDown', node: 'pve2' } }, gone] },
    {
      name: 'nodeUp brings it back',
      steps: [{ action: { kind: 'nodeDown', node: 'pve2' } }, { action: { kind: 'nodeUp', node: 'pve2' } }, elsewhere],
    },
    {
      name: 'corosyncDown leaves a node’s API',
      steps: [{ action: { kind: 'corosyncDown', node: 'pve2' } }, elsewhere],
    },
    {
      name: 'corosyncUp ends that',
      steps: [
        { action: { kind: 'corosyncDown', node: 'pve2' } },
        { action: { kind: 'corosyncUp', node: 'pve2' } },
        elsewhere,
      ],
    },
    {
      name: 'waitAgent waits for the guest',
      steps: [
        awaited,
        {
          request: { method: 'POST', path: '/nodes/pve1/qemu/100/status/start' },
          response: ok,
          task: { exitstatus: 'OK', log: [], log_lines_left_out: 9 },
        },
        { action: { kind: 'waitAgent', vmid: 100 } },
        { request: { method: 'POST', path: '/nodes/pve1/qemu/100/agent/ping' }, response: ok },
      ],
    },
    {
      name: 'waitAgent does not wait for a VM that has none',
      steps: [{ action: { kind: 'waitAgent', vmid: 9000 } }, config],
    },
    {
      name: 'sleep lets the cluster view catch up',
      steps: [
        awaited,
        { action: { kind: 'sleep', seconds: 11 } },
        {
          request: { method: 'GET', path: '/cluster/resources', params: { type: 'vm' } },
          response: ok,
        },
      ],
    },
  ];
  it.each(rows)('$name', async ({ steps }) => {
    expect(await differences(...steps)).toEqual([]);
  });

  it('that nobody knows ends the run', async () => {
    await expect(differences({ action: { kind: 'explode' } })).rejects.toThrow('unknown action explode');
  });
});
