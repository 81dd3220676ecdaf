// The inside of a guest as its agent shows it: a handful of commands and files.
import { ApiError, failure } from '../errors.ts';
import type { Vm } from './vm.ts';
import type { World } from './world.ts';

const passwd = 'root:x:0:0:root:/root:/bin/sh\ndeb:x:1000:1000::/root:/bin/sh\n';

/** Programs of the guest, by what they print. */
const programs: Readonly<Record<string, (vm: Vm, args: readonly string[]) => string>> = {
  hostname: (vm) => `${vm.name}\n`,
  true: () => '',
  echo: (_, args) => `${args.join(' ')}\n`,
  cat: (_, args) => (args[0] === '/etc/passwd' ? passwd : ''),
};

/** Commands that were run in guests, by VM and process. */
export class Guests {
  readonly #world: World;
  readonly #output = new Map<string, string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Starts a program; a missing one breaks the API's worker, as its error text cannot be encoded. */
  async exec(vm: Vm, command: readonly string[]): Promise<{ pid: number }> {
    const [path = '', ...args] = command;
    const program = programs[path.split('/').at(-1) ?? ''];
    if (program === undefined) {
      await this.#world.clock.sleep(5000);
      throw new ApiError(596, 'Broken pipe');
    }
    const pid = 190 + this.#world.random.below(3000);
    this.#output.set(`${vm.vmid}/${pid}`, program(vm, args));
    return { pid };
  }

  /** The result of a program; asking twice for the same is refused by the agent. */
  status(vm: Vm, pid: number): Record<string, unknown> {
    const output = this.#output.get(`${vm.vmid}/${pid}`);
    if (output === undefined) throw failure('Agent error: PID ld does not exist');
    this.#output.delete(`${vm.vmid}/${pid}`);
    return { exited: 1, exitcode: 0, ...(output === '' ? {} : { 'out-data': output, 'out-truncated': 0 }) };
  }

  read(_vm: Vm, file: string): Record<string, unknown> {
    if (file !== '/etc/passwd')
      throw failure(`Agent error: failed to open file '${file}' (mode: 'r'): No such file or directory`);
    return { content: passwd, 'bytes-read': Buffer.byteLength(passwd) };
  }
}
