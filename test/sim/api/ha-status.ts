// What /cluster/ha/status/current tells: quorum, the watchdogs, and once something is managed the managers and each resource.
import { wantedState } from '../state/ha-services.ts';
import type { World } from '../state/world.ts';

type Row = Record<string, unknown>;

/** The rows as the node tells them. Only managers that have something to manage are armed. */
export function haStatus(world: World, local: string): Row[] {
  const quorum = {
    id: 'quorum',
    type: 'quorum',
    node: local,
    quorate: world.quorate ? 1 : 0,
    status: world.quorate ? 'OK' : `No quorum on node '${local}'!`,
  };
  if (world.haServices.size === 0) return [quorum, fencing(local, 'standby'), ...services(world)];
  return [quorum, master(world), fencing(masterNode(world), 'armed'), ...localManagers(world), ...services(world)];
}

function fencing(node: string, armed: 'armed' | 'standby'): Row {
  const watchdog = armed === 'armed' ? 'active' : 'standby';
  return { id: 'fencing', type: 'fencing', node, 'armed-state': armed, status: `${armed} (CRM watchdog ${watchdog})` };
}

/** The first node that is up has the managers' lock. */
function masterNode(world: World): string {
  return [...world.nodes.values()].find((node) => node.state === 'up')?.name ?? '';
}

function master(world: World): Row {
  const node = masterNode(world);
  const timestamp = world.nowSeconds();
  return { id: 'master', type: 'master', node, status: `${node} (active, ${written(timestamp)})`, timestamp };
}

function localManagers(world: World): Row[] {
  const sids = [...world.haServices.keys()];
  return [...world.nodes.values()].map(({ name, state, changedAt }) => {
    const isActive = sids.some((sid) => world.vms.get(vmidOf(sid))?.node === name);
    const timestamp = state === 'up' || state === 'paused' ? world.nowSeconds() : Math.floor(changedAt / 1000);
    const isOld = world.nowSeconds() - timestamp > 30;
    const said = isOld ? 'old timestamp - dead?' : isActive ? 'active' : 'idle';
    const watchdog = isActive && !isOld ? 'active' : 'standby';
    return {
      id: `lrm:${name}`,
      type: 'lrm',
      node: name,
      status: `${name} (${said}, watchdog ${watchdog}, ${written(timestamp)})`,
      timestamp,
    };
  });
}

function services(world: World): Row[] {
  const sids = [...world.haResources.keys()].sort();
  return sids.map((sid) => {
    const { max_restart = 1, max_relocate = 1, failback = 1, ...resource } = world.haResources.get(sid) ?? {};
    const crmState = world.haServices.get(sid)?.state;
    const wanted = wantedState(resource);
    const node = world.vms.get(vmidOf(sid))?.node ?? '---';
    const state = wanted === 'ignored' ? 'ignored' : (crmState ?? 'queued');
    return {
      id: `service:${sid}`,
      type: 'service',
      sid,
      node,
      crm_state: crmState,
      state,
      status: `${sid} (${node}, ${state})`,
      request_state: wanted,
      max_restart,
      max_relocate,
      failback,
      comment: resource['comment'],
    };
  });
}

function vmidOf(sid: string): number {
  return Number(sid.split(':')[1]);
}

/** A moment as Perl's localtime prints it, in UTC. */
function written(seconds: number): string {
  const [day, date, month, year, time] = new Date(seconds * 1000).toUTCString().replace(',', '').split(' ');
  return `${day} ${month} ${String(Number(date)).padStart(2)} ${time} ${year}`;
}
