// What a VM is to be, from plan, revision, options and names; and what each mistake in them is called.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aPackage, anOwner } from '../../test/builders/facts.ts';
import { aPlan, aProxmoxCluster } from '../../test/builders/objects.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import type { PlanSpec } from '../api/plan.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { StalledError, WaitingError } from '../errors.ts';
import { resolveDesign } from './design.ts';
import { newRevision } from './plan-revisions.ts';

let fake: FakeContext;
beforeEach(() => {
  fake = createFakeContext();
});
afterEach(() => fake[Symbol.asyncDispose]());

/** A plan with its revision. */
function planned(spec: Partial<PlanSpec> = {}, number = 1): void {
  const plan = fake.kube.seed(resources.plan, aPlan(spec));
  fake.kube.seed(resources.planRevision, newRevision(plan, number));
}

function vm(change: Partial<Pick<VirtualMachine, 'spec' | 'status'>> = {}): VirtualMachine {
  const base = anOwner();
  return { ...base, status: change.status, spec: { ...base.spec, ...change.spec } };
}

const design = (machine = vm()) => resolveDesign(machine, fake.context);

/** What is thrown, as class, reason and message. */
function trouble(machine = vm()): { error: unknown; reason?: string; message?: string } {
  try {
    design(machine);
    return { error: undefined };
  } catch (error) {
    const { reason, message } = error as StalledError;
    return { error, reason, message };
  }
}

describe('a design', () => {
  test('is the plan with its defaults, the package and the names', () => {
    planned({ cpuCores: 2 });
    const { metadata, spec } = vm();
    expect(
      design({ metadata, spec: { ...spec, options: { memoryGiB: 8 } }, apiVersion: 'v', kind: 'VirtualMachine' }),
    ).toMatchObject({
      planRevision: 'kvm-1',
      plan: { clusterName: 'lab', cloneType: 'Linked', firstVMID: 2000 },
      package: aPackage({ cpuCores: 2, memoryGiB: 8 }),
      name: 'customer-1-web-1',
      fqdn: 'customer-1-web-1.example.com',
    });
  });

  test('takes the newest revision that is the plan as it stands', () => {
    planned({ cpuCores: 2 });
    const plan = fake.kube.objects(resources.plan)[0]!;
    fake.kube.seed(resources.planRevision, newRevision(plan, 3));
    expect(design().planRevision).toBe('kvm-3');
  });

  test('keeps the revision that the VM was built from, whatever became of the plan', async () => {
    planned({ cpuCores: 2 });
    await fake.context.client.delete(resources.plan, 'kvm');
    expect(design(vm({ status: { planRevision: 'kvm-1' } })).package.cpuCores).toBe(2);
  });

  test('falls back to the plan when that revision is gone', () => {
    planned();
    expect(design(vm({ status: { planRevision: 'kvm-99' } })).planRevision).toBe('kvm-1');
  });

  test('keeps package and name that the VM was built with', () => {
    planned();
    const effective = aPackage({ cpuCores: 7 });
    const kept = design(
      vm({ status: { effective, name: 'as-made' }, spec: { planRef: { name: 'kvm' }, options: { cpuCores: 1 } } }),
    );
    expect(kept).toMatchObject({ package: effective, name: 'as-made', fqdn: 'as-made.example.com' });
  });

  test('has the host name of the VM, and the name by the rule of the plan', () => {
    planned({ nameRule: 'vm-{client_id}-{service_id}' });
    const spec = {
      planRef: { name: 'kvm' },
      hostname: 'mail.example.org',
      billing: { clientID: '142', serviceID: '5546' },
    };
    expect(design(vm({ spec }))).toMatchObject({ name: 'vm-142-5546', fqdn: 'mail.example.org' });
  });
});

describe('a mistake', () => {
  test('a plan that does not exist', () => {
    expect(trouble()).toMatchObject({
      error: expect.any(StalledError),
      reason: 'PlanNotFound',
      message: expect.stringContaining('Plan kvm'),
    });
  });

  test('a plan for others', () => {
    planned({ allowedNamespaces: { names: ['customer-2'] } });
    expect(trouble()).toMatchObject({ reason: 'NotAllowed', message: expect.stringContaining('namespace customer-1') });
  });

  test('a cluster for others', () => {
    planned();
    fake.kube.seed(
      resources.proxmoxCluster,
      aProxmoxCluster({ endpoints: ['https://a:8006'], allowedNamespaces: { names: [] } }),
    );
    expect(trouble()).toMatchObject({ reason: 'NotAllowed', message: expect.stringContaining('ProxmoxCluster lab') });
  });

  test('a revision that is still being made is waited for', () => {
    fake.kube.seed(resources.plan, aPlan());
    expect(trouble()).toMatchObject({ error: expect.any(WaitingError), reason: 'InProgress' });
  });

  describe('a host name that another virtual machine has', () => {
    const NAME = 'www.example.com';
    const spec = { planRef: { name: 'kvm' }, hostname: NAME };

    function other(change: { status?: VirtualMachine['status']; hostname?: string; createdAt?: string; uid?: string }) {
      const { metadata, ...rest } = anOwner();
      fake.kube.seed(resources.virtualMachine, {
        ...rest,
        metadata: {
          name: 'rival',
          namespace: 'customer-2',
          uid: change.uid ?? 'u',
          creationTimestamp: change.createdAt ?? metadata.creationTimestamp,
        },
        spec: { planRef: { name: 'kvm' }, hostname: change.hostname },
        status: change.status,
      });
    }
    const OLDER = '2026-01-01T00:00:00Z';
    const YOUNGER = '2026-12-01T00:00:00Z';
    const fqdn = NAME;

    test.each<{ name: string; rival: Parameters<typeof other>[0]; mine?: VirtualMachine['status']; want: boolean }>([
      { name: 'older, and asking for it', rival: { hostname: NAME, createdAt: OLDER }, want: true },
      { name: 'older, in other capitals', rival: { hostname: 'WWW.Example.com', createdAt: OLDER }, want: true },
      { name: 'younger, and asking for it', rival: { hostname: NAME, createdAt: YOUNGER }, want: false },
      { name: 'younger, and having it', rival: { status: { fqdn }, createdAt: YOUNGER }, want: true },
      {
        name: 'older, and only asking for what this one has',
        rival: { hostname: NAME, createdAt: OLDER },
        mine: { fqdn },
        want: false,
      },
      { name: 'older, both having it', rival: { status: { fqdn }, createdAt: OLDER }, mine: { fqdn }, want: true },
      { name: 'younger, both having it', rival: { status: { fqdn }, createdAt: YOUNGER }, mine: { fqdn }, want: false },
      { name: 'of the same second, with the lower UID', rival: { hostname: NAME, uid: '0' }, want: true },
      { name: 'of the same second, with the higher UID', rival: { hostname: NAME, uid: 'zzz' }, want: false },
      { name: 'older, with another name', rival: { hostname: 'mail.example.com', createdAt: OLDER }, want: false },
    ])('$name: $want', ({ rival, mine, want }) => {
      planned();
      other(rival);
      const { reason, message } = trouble(vm({ spec, status: mine }));
      expect(reason).toBe(want ? 'NameTaken' : undefined);
      if (want) expect(message).toContain(`Another virtual machine has the host name ${NAME}`);
      expect(message ?? '').not.toMatch(/rival|customer-2/);
    });

    test('but no domain is no matter: such a name is in no zone', () => {
      planned({ domain: undefined });
      other({ hostname: 'web', createdAt: OLDER });
      expect(design(vm({ spec: { ...spec, hostname: 'web' } })).fqdn).toBe('web');
    });

    test('by the rule of its plan', () => {
      planned();
      other({ status: { fqdn: 'customer-1-web-1.example.com' } });
      expect(trouble()).toMatchObject({ error: expect.any(StalledError), reason: 'NameTaken' });
    });

    test('is free again when that one is gone, and never taken by the machine itself', async () => {
      planned();
      other({ hostname: NAME, createdAt: OLDER });
      await fake.context.client.delete(resources.virtualMachine, 'rival', 'customer-2');
      fake.kube.seed(resources.virtualMachine, vm({ spec }));
      expect(design(vm({ spec })).fqdn).toBe(NAME);
    });
  });

  test('an option that nobody knows', () => {
    planned();
    const spec = { planRef: { name: 'kvm' }, configurableOptions: { 'cpu cores': '4' } };
    expect(trouble(vm({ spec }))).toMatchObject({
      reason: 'OptionInvalid',
      message: expect.stringContaining('cpu cores'),
    });
  });

  test.each([
    { name: 'a rule that makes no name', spec: { nameRule: '-{client_id}' }, word: 'nameRule' },
    {
      name: 'a host name that is too long',
      spec: { domain: Array(5).fill('a'.repeat(60)).join('.') },
      word: 'at most',
    },
  ])('$name', ({ spec, word }) => {
    planned(spec);
    const billing = { clientID: '1', serviceID: '2' };
    const { reason, message } = trouble(vm({ spec: { planRef: { name: 'kvm' }, billing } }));
    expect(reason).toBe('NameInvalid');
    expect(message).toContain(word);
  });

  test('many at once are told within the length of a condition', () => {
    planned();
    const options = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`Unknown option number ${index}`, '1']),
    );
    expect(
      trouble(vm({ spec: { planRef: { name: 'kvm' }, configurableOptions: options } })).message?.length,
    ).toBeLessThanOrEqual(300);
  });
});
