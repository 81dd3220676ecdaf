// Makes virtual machines and waits until they are ready, both as any client of the API server sees it.
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import { resources } from '../../src/api/resources.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { createInformer, type Informer } from '../../src/kube/informer.ts';
import { NAMESPACE, virtualMachine } from './manifests.ts';

export interface Deployment {
  name: string;
  vmid: number;
  /** When the client knew that the object exists. */
  createdAtMs: number;
  /** When the client saw the condition Ready. */
  readyAtMs: number;
}

const READY_TIMEOUT_MS = 180_000;

/** Watches the virtual machines of the benchmark's namespace until it is disposed of. */
export class Deployments implements Disposable {
  readonly #client: KubeClient;
  readonly #over = new AbortController();
  readonly #created = new Map<string, number>();
  readonly #ready = new Map<string, Deployment>();
  readonly #waiters = new Map<string, (deployment: Deployment) => void>();
  /** A plain watch is not enough: under load the API server ends those that lag behind. */
  readonly #informer: Informer<VirtualMachine>;
  #next = 1;

  private constructor(client: KubeClient) {
    this.#client = client;
    this.#informer = createInformer({ client, type: resources.virtualMachine, namespace: NAMESPACE });
    this.#informer.subscribe(({ object }) => this.#see(object));
    this.#informer.start(this.#over.signal);
  }

  static async open(client: KubeClient): Promise<Deployments> {
    const deployments = new Deployments(client);
    await deployments.#informer.synced();
    return deployments;
  }

  /** Makes that many virtual machines at once and resolves when all are ready. */
  async make(count: number): Promise<Deployment[]> {
    const numbers = Array.from({ length: count }, () => this.#next++);
    return Promise.all(numbers.map((number) => this.#makeOne(number)));
  }

  [Symbol.dispose](): void {
    this.#over.abort();
  }

  async #makeOne(number: number): Promise<Deployment> {
    const object = virtualMachine(number);
    const { name } = object.metadata;
    const { promise, resolve, reject } = Promise.withResolvers<Deployment>();
    this.#waiters.set(name, resolve);
    const timer = setTimeout(() => reject(this.#late(name)), READY_TIMEOUT_MS);
    try {
      await this.#client.create(resources.virtualMachine, object);
      this.#noteCreation(name);
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  // The watch may be faster than the answer to the creation.
  #noteCreation(name: string): void {
    if (!this.#created.has(name)) this.#created.set(name, Date.now());
  }

  #see(vm: VirtualMachine): void {
    const { name } = vm.metadata;
    this.#noteCreation(name);
    const isReady = vm.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
    if (!isReady || this.#ready.has(name)) return;
    const createdAtMs = this.#created.get(name) ?? Number.NaN;
    const deployment = { name, vmid: vm.status?.vmid ?? 0, createdAtMs, readyAtMs: Date.now() };
    this.#ready.set(name, deployment);
    this.#waiters.get(name)?.(deployment);
  }

  #late(name: string): Error {
    const conditions = this.#informer.get(`${NAMESPACE}/${name}`)?.status?.conditions ?? [];
    const said = conditions.find(({ type }) => type === 'Ready')?.message ?? 'nothing was said about it';
    return new Error(`${name} is not ready after ${READY_TIMEOUT_MS / 1000} s: ${said}`);
  }
}
