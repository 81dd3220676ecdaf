// A simulated operator with a deployed VM whose cluster is swept, and what an administrator may do to that VM meanwhile.
import type { FullPlanSpec } from '../../src/api/plan.ts';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachineOperation, VirtualMachineOperationSpec } from '../../src/api/virtual-machine-operation.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../src/api/virtual-machine.ts';
import { sweepCluster } from '../../src/controllers/sweep.ts';
import { findCondition } from '../../src/kube/conditions.ts';
import type { ReconcileResult } from '../../src/kube/controller.ts';
import { CLUSTER } from './objects.ts';
import { aTopology } from './topology.ts';
import { NAMESPACE, type SimulatedOperator, simulatedOperator } from './simulated-operator.ts';

const ROUND_MS = 130_000;
const SHORT_MS = 5_000;
const MOST_PASSES = 300;

export interface SweptOperator extends AsyncDisposable {
  operator: SimulatedOperator;
  readonly vmid: number;
  vm(): VirtualMachine;
  /** Lets the sweep look, and the reconcile take it in, until nothing is to be done soon. */
  swept(): Promise<void>;
  /** Passes until nothing is to be done within seconds. */
  settled(): Promise<ReconcileResult>;
  /** Like somebody in Proxmox VE's interface; null takes a key away. */
  changeByHand(options: Record<string, string | null>): void;
  /** A call to the API for this VM, like that of an administrator: `('PUT', '/config', { cores: '4' })`. */
  call(method: 'POST' | 'PUT' | 'DELETE', path: string, params?: Record<string, string>): Promise<void>;
  /** Stops and destroys the VM, as somebody does who takes it for his own. */
  destroyByHand(): Promise<void>;
  config(): Readonly<Record<string, string>>;
  edit(spec: Partial<VirtualMachineSpec>): void;
  annotate(annotations: Record<string, string>): void;
  /** Creates an operation, and lets it be executed. */
  operate(spec: Pick<VirtualMachineOperationSpec, 'type'> & Partial<VirtualMachineOperationSpec>): Promise<void>;
  condition(type: string): { status: string; reason: string; message: string } | undefined;
  /** Reasons of the Warning events so far. */
  warnings(): string[];
}

export async function sweptOperator(
  spec: Partial<VirtualMachineSpec> = {},
  plan: Partial<FullPlanSpec> = {},
): Promise<SweptOperator> {
  const operator = await simulatedOperator(plan);
  const { fake, sim } = operator;
  const ending = new AbortController();
  operator.declare('web-1', spec);
  await operator.passes();
  const connection = fake.context.clusters.connection(CLUSTER);
  const enqueue = (key: string): void => void operator.woken.push(key);
  const sweep = { connection, context: fake.context, clock: fake.clock, random: () => 0, enqueue };
  const swept = sweepCluster(sweep, ending.signal);
  let operations = 0;

  const self: SweptOperator = {
    operator,
    get vmid() {
      return self.vm().status?.vmid ?? 0;
    },
    vm: () => operator.vm()!,
    async swept() {
      await fake.clock.advance(ROUND_MS);
      await self.settled();
    },
    async settled() {
      for (let count = 0; count < MOST_PASSES; count += 1) {
        const result = await operator.pass();
        if (result.kind === 'done' || (result.kind === 'after' && result.ms > SHORT_MS)) return result;
        await fake.clock.advance(result.kind === 'after' ? result.ms : 1_000);
      }
      throw new Error(`It does not settle: ${JSON.stringify(self.vm().status)}`);
    },
    changeByHand: (options) =>
      sim.changeByHand(self.vmid, (current) => {
        for (const [key, value] of Object.entries(options)) {
          if (value === null) delete current[key];
          else current[key] = value;
        }
      }),
    async call(method, path, params = {}) {
      const { id, secret } = aTopology().tokens[0]!;
      const { node, vmid } = self.vm().status ?? {};
      const { status, reason } = await sim.handle({
        method,
        path: `/nodes/${node}/qemu/${vmid}${path}`,
        params,
        authorization: `PVEAPIToken=${id}=${secret}`,
      });
      if (status !== 200) throw new Error(`${method} ${path}: ${status} ${reason}`);
    },
    async destroyByHand() {
      sim.killVm(self.vmid);
      await self.call('DELETE', '', { purge: '1' });
      await fake.clock.advance(SHORT_MS);
    },
    config: () => sim.world.vms.get(self.vmid)?.options ?? {},
    edit(change) {
      const vm = self.vm();
      const generation = (vm.metadata.generation ?? 1) + 1;
      fake.kube.seed(resources.virtualMachine, {
        ...vm,
        spec: { ...vm.spec, ...change },
        metadata: { ...vm.metadata, generation },
      });
    },
    annotate(annotations) {
      const vm = self.vm();
      fake.kube.seed(resources.virtualMachine, { ...vm, metadata: { ...vm.metadata, annotations } });
    },
    async operate(wanted) {
      operations += 1;
      const operation: VirtualMachineOperation = {
        apiVersion: 'pve-operator.io/v1alpha1',
        kind: 'VirtualMachineOperation',
        metadata: {
          name: `op-${operations}`,
          namespace: NAMESPACE,
          uid: `op-uid-${operations}`,
          creationTimestamp: new Date(fake.clock.now()).toISOString(),
          generation: 1,
        },
        spec: { virtualMachineName: 'web-1', ...wanted },
      };
      fake.kube.seed(resources.virtualMachineOperation, operation);
      await self.settled();
    },
    condition: (type) => findCondition(self.vm().status?.conditions, type),
    warnings: () => fake.events.filter(({ type }) => type === 'Warning').map(({ reason }) => reason),
    async [Symbol.asyncDispose]() {
      ending.abort();
      await swept;
      await operator[Symbol.asyncDispose]();
    },
  };
  return self;
}
