// Plays declarations of one VM one after the other, and holds what comes of each against what was declared.
import { isDeepStrictEqual } from 'node:util';
import type { OptionName } from '../../src/api/options.ts';
import type { Random } from '../sim/random.ts';
import { type EndState, expectedState, openScene, type Scene, troublesOf } from './scene.ts';
import { type Choice, declarationOf, packageOf } from './values.ts';

export class Player implements AsyncDisposable {
  readonly #scene: Scene;
  readonly #random: Random;
  #before: { state: EndState; package: Readonly<Record<OptionName, number>> } | undefined;
  /** Changes of a VM that exists; its deploy is none. */
  transitions = 0;
  /** What was not as it ought to be, with the change after which it was seen. */
  readonly findings: string[] = [];

  private constructor(scene: Scene, random: Random) {
    this.#scene = scene;
    this.#random = random;
  }

  static async open(random: Random): Promise<Player> {
    return new Player(await openScene(), random);
  }

  get state(): EndState | undefined {
    return this.#before?.state;
  }

  /** Whether the VM has a disk that the package does not have. */
  get keepsDisk(): boolean {
    return (
      this.#before !== undefined && this.#before.package.additionalDiskGiB === 0 && this.state?.disks[1] !== undefined
    );
  }

  /** Declares the VM so, each option in one of the two forms; `consent` names the volume of the additional disk. */
  async declare(choice: Choice, { consent = false }: { consent?: boolean } = {}): Promise<void> {
    const declared = packageOf(choice);
    const volume = this.#before === undefined ? undefined : this.#scene.additionalVolume();
    const isDestroyed = consent && volume !== undefined && declared.additionalDiskGiB === 0;
    const expected = expectedState(declared, { state: this.state, consent: isDestroyed });
    const spec = declarationOf(choice, () => (this.#random.next() < 0.5 ? 'typed' : 'billing'));
    const sent = this.#scene.operator.writes().length;
    await this.#scene.declare(isDestroyed ? { ...spec, consent: { destroyVolumes: [volume] } } : spec);
    const troubles = troublesOf(this.#scene, declared);
    const state = this.#scene.endState();
    if (!isDeepStrictEqual(state, expected))
      troubles.push(`it is ${JSON.stringify(state)} and ought to be ${JSON.stringify(expected)}`);
    troubles.push(...this.#stopTroubles(this.#scene.operator.writes().slice(sent), declared, isDestroyed));
    this.#note(troubles, declared);
    this.#before = { state, package: declared };
  }

  // Cores and memory are the only options that a running VM does not take, and only a disk that goes has to be unplugged.
  #stopTroubles(
    writes: readonly string[],
    declared: Readonly<Record<OptionName, number>>,
    isDestroyed: boolean,
  ): string[] {
    if (this.#before === undefined) return [];
    const before = this.#before.package;
    const isNeeded = isDestroyed || declared.cpuCores !== before.cpuCores || declared.memoryGiB !== before.memoryGiB;
    const stops = writes.filter((write) => /status\/(shutdown|stop)$/.test(write)).length;
    return stops === Number(isNeeded) ? [] : [`it was stopped ${stops} times`];
  }

  #note(troubles: readonly string[], declared: Readonly<Record<OptionName, number>>): void {
    const from = JSON.stringify(this.#before?.package ?? 'deploy');
    this.findings.push(...troubles.map((trouble) => `${from} → ${JSON.stringify(declared)}: ${trouble}`));
    if (this.#before !== undefined) this.transitions += 1;
  }

  /** The options of the VM in Proxmox VE, without what is drawn at random for each. */
  configuration(): Record<string, string> {
    const { options } = this.#scene.made();
    return Object.fromEntries(
      Object.entries(options)
        .filter(([key]) => !DRAWN.has(key))
        .map(([key, value]) => [key, value]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scene[Symbol.asyncDispose]();
  }
}

const DRAWN = new Set(['cipassword', 'meta', 'smbios1', 'vmgenid']);
