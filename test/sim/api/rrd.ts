// Round-robin data: figures over time of VMs, nodes and storages, from a simple load model.
import { failure } from '../errors.ts';
import { formatted, node, oneOf, required, storageId, vmid } from '../schema/parameter.ts';
import { liveStatus } from '../state/vm-status.ts';
import { needs, textOf } from './route.ts';
import type { Call, Route } from './route.ts';

/** Step in seconds and number of rows of each timeframe of Proxmox VE 9. */
const frames: Readonly<Record<string, { step: number; rows: number }>> = {
  hour: { step: 60, rows: 60 },
  day: { step: 60, rows: 1440 },
  week: { step: 1800, rows: 335 },
  month: { step: 1800, rows: 1439 },
  year: { step: 21600, rows: 1439 },
  decade: { step: 604800, rows: 569 },
};

type Figures = (time: number) => Record<string, number> | undefined;

/** Rows of a timeframe; where there are no figures only the time. */
function rows(call: Call, figures: Figures): unknown[] {
  const frame = frames[textOf(call.params['timeframe'])] ?? { step: 60, rows: 60 };
  const end = Math.floor(call.world.nowSeconds() / frame.step) * frame.step;
  return Array.from({ length: frame.rows }, (_, index) => {
    const time = end - (frame.rows - 1 - index) * frame.step;
    return { time, ...figures(time) };
  });
}

/** Load between 0.05 and 0.35, the same for the same moment. */
function load(time: number): number {
  return 0.2 + 0.15 * Math.sin(time / 3600);
}

function vmRows(call: Call): unknown {
  const id = Number(call.params['vmid']);
  const vm = call.world.vms.get(id);
  if (vm === undefined || call.world.view.of(id) === undefined) {
    throw failure(
      `RRD error: rrdcached@unix:/var/run/rrdcached.sock: rrd_fetch_r failed: opening '/var/lib/rrdcached/db/pve-vm-9.0/${id}': No such file or directory`,
    );
  }
  const status = liveStatus(call.world, vm);
  const since = vm.running === undefined ? Infinity : vm.running.startedAt / 1000;
  return rows(call, (time) => {
    if (time < since) return undefined;
    const mem = Math.floor(status.maxMem * (0.4 + load(time) / 2));
    return {
      cpu: load(time),
      maxcpu: status.cpus,
      mem,
      maxmem: status.maxMem,
      memhost: mem,
      disk: 0,
      maxdisk: status.maxDisk,
      netin: 42,
      netout: 21,
      diskread: 0,
      diskwrite: 0,
    };
  });
}

function nodeRows(call: Call): unknown {
  const one = call.world.nodes.get(textOf(call.params['node']));
  if (one === undefined) throw failure('no such node');
  return rows(call, (time) =>
    time < one.bootedAt / 1000
      ? undefined
      : {
          cpu: load(time),
          maxcpu: one.cpus,
          memtotal: one.memoryBytes,
          memused: one.memoryBytes * load(time),
          roottotal: one.rootBytes,
          rootused: one.rootBytes / 10,
          loadavg: load(time),
          netin: 1000,
          netout: 1000,
          iowait: 0,
        },
  );
}

function storageRows(call: Call): unknown {
  const storage = call.world.volumes.storage(textOf(call.params['storage']), textOf(call.params['node']));
  const used = call.world.volumes.usedBytes(storage, textOf(call.params['node']));
  return rows(call, () => ({ total: storage.totalBytes, used }));
}

const cf = oneOf('AVERAGE', 'MAX');
const timeframe = required(oneOf('hour', 'day', 'week', 'month', 'year'));

export const rrdRoutes: Route[] = [
  {
    method: 'GET',
    path: '/nodes/{node}/qemu/{vmid}/rrddata',
    permission: needs('/vms/{vmid}', 'VM.Audit'),
    parameters: { node, vmid, timeframe, cf },
    run: vmRows,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/qemu/{vmid}/rrd',
    permission: needs('/vms/{vmid}', 'VM.Audit'),
    parameters: { node, vmid, timeframe, cf, ds: required(formatted('pve-configid-list')) },
    run: (call) => ({ filename: `/var/lib/rrdcached/db/pve-vm-9.0/${textOf(call.params['vmid'])}.png` }),
  },
  {
    method: 'GET',
    path: '/nodes/{node}/rrddata',
    permission: needs('/nodes/{node}', 'Sys.Audit'),
    parameters: { node, timeframe: required(oneOf('hour', 'day', 'week', 'month', 'year', 'decade')), cf },
    run: nodeRows,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/storage/{storage}/rrddata',
    permission: needs('/storage/{storage}', 'Datastore.Audit', 'Datastore.AllocateSpace'),
    proxied: true,
    parameters: { node, storage: required(storageId), timeframe, cf },
    run: storageRows,
  },
];
