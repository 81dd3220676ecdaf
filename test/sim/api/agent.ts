// The guest agent: ping, network interfaces, system, password, commands, files.
import { failure } from '../errors.ts';
import { flag, integer, node, required, text, vmid } from '../schema/parameter.ts';
import type { ParameterTable } from '../schema/parameter.ts';
import { guestInterfaces } from '../state/guest-network.ts';
import { agentEnabled, guestIsUp } from '../state/power.ts';
import { liveStatus } from '../state/vm-status.ts';
import type { Vm } from '../state/vm.ts';
import { durations } from '../tasks/durations.ts';
import { needs, textOf } from './route.ts';
import type { Call, Permission, Route } from './route.ts';

/** The VM with an agent that answers; fails as the agent's absence does, after the time that takes. */
async function answering(call: Call, command: string): Promise<Vm> {
  const { world } = call;
  const vm = world.vm(Number(call.params['vmid']), textOf(call.params['node']));
  if (!agentEnabled(vm.options)) throw failure('No QEMU guest agent configured');
  if (vm.running === undefined) throw failure(`VM ${vm.vmid} is not running`);
  const mode = world.agentModes.get(vm.vmid) ?? 'answering';
  if (mode === 'absent' || !guestIsUp(world, vm)) {
    await world.clock.sleep(durations.agentTimeout);
    throw failure('QEMU guest agent is not running');
  }
  if (mode === 'hanging') {
    await world.clock.sleep(durations.agentHangs);
    throw failure(`VM ${vm.vmid} qmp command 'guest-${command}' failed - got timeout`);
  }
  await world.clock.sleep(durations.agentAnswer);
  return vm;
}

const anyUse = needs('/vms/{vmid}', 'VM.GuestAgent.Audit', 'VM.GuestAgent.Unrestricted');
const fullUse = needs('/vms/{vmid}', 'VM.GuestAgent.Unrestricted');

interface AgentCommand {
  method: 'GET' | 'POST';
  name: string;
  permission: Permission;
  parameters?: ParameterTable;
  run(call: Call, vm: Vm): unknown;
}

const commands: AgentCommand[] = [
  { method: 'POST', name: 'ping', permission: anyUse, run: () => ({ result: {} }) },
  {
    method: 'GET',
    name: 'network-get-interfaces',
    permission: anyUse,
    run: ({ world }, vm) => ({
      result: guestInterfaces(vm.options, liveStatus(world, vm), world.topology.guestIpv6),
    }),
  },
  {
    method: 'GET',
    name: 'get-osinfo',
    permission: anyUse,
    run: () => ({
      result: {
        id: 'debian',
        name: 'Debian GNU/Linux',
        'pretty-name': 'Debian GNU/Linux 12 (bookworm)',
        version: '12 (bookworm)',
        'version-id': '12',
        'kernel-release': '6.1.0-18-amd64',
        machine: 'x86_64',
      },
    }),
  },
  {
    method: 'POST',
    name: 'set-user-password',
    permission: fullUse,
    parameters: {
      username: required(text()),
      password: required(text({ minLength: 5, maxLength: 1024 })),
      crypted: flag(),
    },
    run: (call) => {
      if (textOf(call.params['username']) !== 'root' && textOf(call.params['username']) !== 'debian')
        throw failure(
          `Agent error: child process has failed to set user password: chpasswd: user '${textOf(call.params['username'])}' does not exist\n`,
        );
      return { result: {} };
    },
  },
  {
    method: 'POST',
    name: 'exec',
    permission: fullUse,
    parameters: { command: { type: 'array', required: true }, 'input-data': text({ maxLength: 65536 }) },
    run: (call, vm) => call.world.guests.exec(vm, call.params['command'] as string[]),
  },
  {
    method: 'GET',
    name: 'exec-status',
    permission: fullUse,
    parameters: { pid: required(integer()) },
    run: (call, vm) => call.world.guests.status(vm, Number(call.params['pid'])),
  },
  {
    method: 'GET',
    name: 'file-read',
    permission: needs('/vms/{vmid}', 'VM.GuestAgent.FileRead', 'VM.GuestAgent.Unrestricted'),
    parameters: { file: required(text()) },
    run: (call, vm) => call.world.guests.read(vm, textOf(call.params['file'])),
  },
  {
    method: 'POST',
    name: 'file-write',
    permission: needs('/vms/{vmid}', 'VM.GuestAgent.FileWrite', 'VM.GuestAgent.Unrestricted'),
    parameters: { file: required(text()), content: required(text({ maxLength: 61440 })), encode: flag() },
    run: () => null,
  },
];

export const agentRoutes: Route[] = commands.map((command) => ({
  method: command.method,
  path: `/nodes/{node}/qemu/{vmid}/agent/${command.name}`,
  permission: command.permission,
  proxied: true,
  parameters: { node, vmid, ...command.parameters },
  run: async (call) => command.run(call, await answering(call, command.name)),
}));
