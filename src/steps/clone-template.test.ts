// What is decided before, while and after a template is cloned, and above all when nothing may be sent.
import { describe, expect, test } from 'vitest';
import {
  aDesign,
  aFacts,
  aNode,
  anOwnVm,
  aSnapshot,
  aStatus,
  aStorage,
  aTemplateSeen,
  at,
  type FactsShape,
  VMID,
} from '../../test/builders/facts.ts';
import type { Facts } from '../machine/facts.ts';
import type { Verdict } from '../machine/vocabulary.ts';
import { cloneTemplate } from './clone-template.ts';

const GIB = 2 ** 30;
const PRESENT = { kind: 'present', user: 'debian', secretName: 'web-1-credentials' } as const;

/** Everything is there for the clone call. */
function readyToClone(shape: FactsShape = {}): Facts {
  return aFacts({ observed: { kind: 'absent' }, template: aTemplateSeen(), credentials: PRESENT, ...shape });
}

function sentAgo(seconds: number) {
  return aStatus({ operation: { intent: { action: 'clone', sentAt: at(-seconds), attempt: 1 } } });
}

interface Row {
  name: string;
  facts: Facts;
  want: Record<string, unknown>;
}

const STRANGER = { kind: 'foreign', node: 'pve2', stamped: true } as const;
const CLONING = { kind: 'cloning', node: 'pve1' } as const;

const beforeTheCall: Row[] = [
  {
    name: 'no VMID is reserved: one is, from the first of the plan',
    facts: readyToClone({ held: { addresses: [] }, design: aDesign({ plan: { firstVMID: 5000 } }) }),
    want: { kind: 'act', action: { kind: 'reserveVmid', first: 5000 } },
  },
  {
    name: 'the template does not exist',
    facts: readyToClone({ template: { kind: 'missing' } }),
    want: { kind: 'stall', reason: 'TemplateMissing', message: 'Template 9000 does not exist on cluster lab.' },
  },
  {
    name: 'nothing is known of the template',
    facts: readyToClone({ template: undefined }),
    want: { kind: 'stall', reason: 'TemplateMissing' },
  },
  {
    name: 'the template is an ordinary VM',
    facts: readyToClone({ template: { kind: 'notATemplate', node: 'pve2' } }),
    want: { kind: 'stall', reason: 'NotATemplate', message: expect.stringContaining('VM 9000 on node pve2') },
  },
  {
    name: "the template's node is offline",
    facts: readyToClone({ template: { kind: 'offline', node: 'pve2' } }),
    want: { kind: 'wait', reason: 'WaitingForNode', afterMs: 30_000 },
  },
  {
    name: 'the template has no cloud-init drive',
    facts: readyToClone({ template: aTemplateSeen({ ide2: null }) }),
    want: { kind: 'stall', reason: 'TemplateUnusable', message: expect.stringMatching(/^Template 9000: .*cloud-init/) },
  },
  {
    name: 'the template has two disks and no boot order',
    facts: readyToClone({ template: aTemplateSeen({ scsi1: 'local:9000/b.qcow2,size=1G', boot: null }) }),
    want: { kind: 'stall', reason: 'TemplateUnusable', message: expect.stringContaining('scsi0, scsi1') },
  },
  {
    name: 'credentials come before the call, with the user of the plan',
    facts: readyToClone({ credentials: { kind: 'absent' }, design: aDesign({ plan: { osUser: 'admin' } }) }),
    want: { kind: 'act', action: { kind: 'createCredentials', user: 'admin' } },
  },
  {
    name: 'a random user when the plan names none',
    facts: readyToClone({ credentials: { kind: 'absent' }, design: aDesign({ plan: { osUser: undefined } }) }),
    want: { kind: 'act', action: { kind: 'createCredentials', user: undefined } },
  },
  {
    name: 'no credentials for a template that cannot be used',
    facts: readyToClone({ credentials: { kind: 'absent' }, template: { kind: 'missing' } }),
    want: { kind: 'stall', reason: 'TemplateMissing' },
  },
  {
    name: 'no clone slot is free',
    facts: readyToClone({ cloneSlot: { free: false, running: 8, limit: 8, where: 'storage local' } }),
    want: {
      kind: 'wait',
      reason: 'WaitingForCloneSlot',
      message: '8 of 8 clones that may run at once on storage local are running.',
    },
  },
  {
    name: 'no node has the storage',
    facts: readyToClone({ design: aDesign({ plan: { cloneType: 'Full', systemStorage: 'fast' } }) }),
    want: { kind: 'stall', reason: 'StorageMissing', message: expect.stringContaining('fast') },
  },
  {
    name: 'the node of the plan is not in the cluster',
    facts: readyToClone({ design: aDesign({ plan: { targetNode: 'pve7', cloneType: 'Full' } }) }),
    want: { kind: 'stall', reason: 'PlanInvalid' },
  },
  {
    name: 'the node of the plan is offline',
    facts: readyToClone({
      design: aDesign({ plan: { targetNode: 'pve2', cloneType: 'Full' } }),
      cluster: { snapshot: aSnapshot({ nodes: [aNode('pve1'), aNode('pve2', { status: 'offline' })] }) },
    }),
    want: { kind: 'wait', reason: 'WaitingForNode', afterMs: 30_000 },
  },
];

const theCall: Row[] = [
  {
    name: 'a linked clone: no storage in the call',
    facts: readyToClone(),
    want: {
      kind: 'act',
      action: {
        kind: 'clone',
        template: { node: 'pve1', vmid: 9000 },
        vmid: VMID,
        name: 'web-1',
        full: false,
        storage: undefined,
      },
    },
  },
  {
    name: 'a full clone goes to the storage of the plan',
    facts: readyToClone({
      design: aDesign({ plan: { cloneType: 'Full', systemStorage: 'fast' } }),
      cluster: { snapshot: aSnapshot({ storages: [aStorage('pve1', 'local'), aStorage('pve1', 'fast')] }) },
    }),
    want: { kind: 'act', action: { kind: 'clone', full: true, storage: 'fast' } },
  },
  {
    name: 'the template of an option',
    facts: readyToClone({ design: aDesign({ package: { operatingSystem: 9001 } }) }),
    want: { kind: 'act', action: { template: { node: 'pve1', vmid: 9001 } } },
  },
  {
    name: 'again at once under the same VMID after one without an answer that left nothing: only one of them can make a VM',
    facts: readyToClone({ status: sentAgo(1) }),
    want: { kind: 'act', action: { kind: 'clone', vmid: VMID } },
  },
];

const afterTheCall: Row[] = [
  {
    name: 'half made, while its task runs',
    facts: readyToClone({ observed: CLONING, cloneTask: { running: true }, status: sentAgo(600) }),
    want: { kind: 'wait', reason: 'WaitingForTask', afterMs: 1_000 },
  },
  {
    name: 'half made without a task, just sent: the list of tasks lags behind',
    facts: readyToClone({ observed: CLONING, cloneTask: { running: false }, status: sentAgo(29) }),
    want: { kind: 'wait', reason: 'WaitingForTask' },
  },
  {
    name: 'half made without a task for longer: it was cut off',
    facts: readyToClone({ observed: CLONING, cloneTask: { running: false }, status: sentAgo(31) }),
    want: { kind: 'stall', reason: 'CloneBroken', message: expect.stringContaining('qm unlock 2000') },
  },
  {
    name: 'half made after its task failed, so that no call of ours is on its way',
    facts: readyToClone({ observed: CLONING, cloneTask: { running: false } }),
    want: { kind: 'stall', reason: 'CloneBroken' },
  },
  {
    name: 'half made, nothing known of tasks',
    facts: readyToClone({ observed: CLONING, status: sentAgo(600) }),
    want: { kind: 'wait', reason: 'WaitingForTask' },
  },
  {
    name: 'stamped and still locked by the clone',
    facts: readyToClone({ observed: anOwnVm({}, { lock: 'clone' }), status: sentAgo(1) }),
    want: { kind: 'wait', reason: 'WaitingForTask' },
  },
  {
    name: 'complete: where it is and what it is called is kept',
    facts: readyToClone({ observed: anOwnVm({ name: 'web' }, { node: 'pve3' }), status: sentAgo(1) }),
    want: { kind: 'done', note: { status: { vmid: VMID, node: 'pve3', name: 'web' } } },
  },
  {
    name: 'complete and without a name of its own',
    facts: readyToClone({ observed: anOwnVm({ name: null }) }),
    want: { kind: 'done', note: { status: { name: 'web-1' } } },
  },
  {
    name: 'complete with a lock of somebody else: the clone is done all the same',
    facts: readyToClone({ observed: anOwnVm({}, { lock: 'backup' }) }),
    want: { kind: 'done' },
  },
];

const takenByAStranger: Row[] = [
  {
    name: 'before any call: the number is given up',
    facts: readyToClone({ observed: STRANGER }),
    want: { kind: 'act', action: { kind: 'releaseVmid', vmid: VMID } },
  },
  {
    name: 'a call of ours may still be carried out: the number is kept',
    facts: readyToClone({ observed: STRANGER, status: sentAgo(99) }),
    want: { kind: 'wait', reason: 'Verifying', afterMs: 5_000 },
  },
  {
    name: 'a call of ours cannot be carried out any more',
    facts: readyToClone({ observed: STRANGER, status: sentAgo(100) }),
    want: { kind: 'act', action: { kind: 'releaseVmid', vmid: VMID } },
  },
  {
    name: 'a call that was repeated may still be carried out, although the last one was refused',
    facts: readyToClone({ observed: STRANGER, status: aStatus({ cloneUnansweredAt: at(-99) }) }),
    want: {
      kind: 'wait',
      reason: 'Verifying',
      message: expect.stringContaining(`A clone call of ${at(-99)} got no answer`),
    },
  },
  {
    name: 'no call that was repeated can be carried out any more',
    facts: readyToClone({ observed: STRANGER, status: aStatus({ cloneUnansweredAt: at(-100) }) }),
    want: { kind: 'act', action: { kind: 'releaseVmid', vmid: VMID } },
  },
  {
    name: 'our clone was made and its stamp is gone: the VM is ours or was, so the number is not given up',
    facts: readyToClone({
      observed: { ...STRANGER, stamped: false },
      status: aStatus({
        operation: {
          intent: { action: 'clone', sentAt: at(-5), attempt: 1, answered: true },
        },
      }),
    }),
    want: { kind: 'stall', reason: 'IdentityMismatch' },
  },
  {
    name: 'a clone call without an answer, in a reinstallation whose other tasks have ended: the number is given up',
    facts: readyToClone({
      observed: { ...STRANGER, stamped: false },
      status: aStatus({
        operation: {
          machine: 'reinstall',
          intent: { action: 'clone', sentAt: at(-500), attempt: 1 },
          taskIDs: ['UPID:pve1:00000001:00000002:65000000:qmdestroy:9000:op@pve!k8s:'],
        },
      }),
    }),
    want: { kind: 'act', action: { kind: 'releaseVmid', vmid: VMID } },
  },
  {
    name: 'another intent is no clone call',
    facts: readyToClone({
      observed: { ...STRANGER, stamped: false },
      status: aStatus({ operation: { intent: { action: 'createCredentials', sentAt: at(-1), attempt: 1 } } }),
    }),
    want: { kind: 'act', action: { kind: 'releaseVmid', vmid: VMID } },
  },
];

describe.each([
  { part: 'before the call', rows: beforeTheCall },
  { part: 'the call', rows: theCall },
  { part: 'after the call', rows: afterTheCall },
  { part: 'a VMID that a stranger took', rows: takenByAStranger },
])('$part', ({ rows }) => {
  test.each(rows)('$name', ({ facts, want }) => {
    expect(cloneTemplate.plan(facts)).toMatchObject(want);
  });
});

describe('what is decided with the call', () => {
  const decided = (facts: Facts): Record<string, unknown> => {
    const verdict: Verdict = cloneTemplate.plan(facts);
    return verdict.kind === 'act' ? { ...verdict.note?.status } : {};
  };

  test('is stored, so that no later pass decides otherwise', () => {
    const design = aDesign({ package: { cpuCores: 4 } });
    expect(decided(readyToClone({ design }))).toEqual({
      vmid: VMID,
      planRevision: 'kvm-1',
      node: 'pve1',
      name: 'web-1',
      fqdn: design.fqdn,
      effective: design.package,
      disks: { system: 'scsi0', additional: undefined },
      placement: {
        templateNode: 'pve1',
        targetNode: 'pve1',
        targetStorage: 'local',
        message: expect.stringContaining('local'),
      },
    });
  });

  test('keeps a slot for the additional disk of the package', () => {
    const design = aDesign({ package: { additionalDiskGiB: 5 } });
    expect(decided(readyToClone({ design }))).toMatchObject({ disks: { system: 'scsi0', additional: 'scsi1' } });
  });

  test('counts memory that was promised to others', () => {
    const nodes = [
      aNode('pve1', { memoryBytes: 4 * GIB }),
      aNode('pve2', { memoryBytes: undefined }),
      aNode('pve3', { maxMemoryBytes: undefined }),
    ];
    const shared = { shared: true, pluginType: 'nfs' };
    const storages = nodes.map(({ name }) => aStorage(name, 'local', shared));
    const target = (placedMemoryBytes: ReadonlyMap<string, number>) =>
      decided(readyToClone({ cluster: { snapshot: aSnapshot({ nodes, storages }), placedMemoryBytes } }));
    expect(target(new Map())).toMatchObject({ placement: { targetNode: 'pve2' } });
    expect(target(new Map([['pve2', 5 * GIB]]))).toMatchObject({ placement: { targetNode: 'pve1' } });
  });

  test('without a snapshot no node is known to be online', () => {
    const facts = readyToClone({ cluster: { snapshot: undefined } });
    expect(cloneTemplate.plan(facts)).toMatchObject({ kind: 'wait', reason: 'WaitingForNode' });
  });
});
