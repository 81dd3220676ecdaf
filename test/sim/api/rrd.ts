// Round-robin data: figures over time of VMs, nodes and storages, from a simple load model.
import { failure } from '../errors.ts';
import { formatted, node, oneOf, required, storageId, vmid } from '../schema/parameter.ts';
import { overlaps } from '../state/load.ts';
import type { Span } from '../state/load.ts';
import { releaseOf } from '../schema/release.ts';
import { liveStatus } from '../state/vm-status.ts';
import type { World } from '../state/world.ts';
import { needs, textOf } from './route.ts';
import { frameIn, vmFile } from './rrd-frames.ts';
import type { Call, Route } from './route.ts';

type Figures = (time: number, step: number) => Record<string, number> | undefined;

/** Rows of a timeframe; where there are no figures only the time. */
function rows(call: Call, figures: Figures): unknown[] {
  const frame = frameIn(releaseOf(call.world.topology.version.version), textOf(call.params['timeframe']));
  const end = Math.floor(call.world.nowSeconds() / frame.step) * frame.step;
  return Array.from({ length: frame.rows }, (_, index) => {
    const time = end - (frame.rows - 1 - index) * frame.step;
    return { time, ...figures(time, frame.step) };
  });
}

/** One row covers the step that ends at its time. */
function vmRows(call: Call): unknown {
  const { world } = call;
  const id = Number(call.params['vmid']);
  const vm = world.vms.get(id);
  if (vm === undefined || world.view.of(id) === undefined) {
    throw failure(
      `RRD error: rrdcached@unix:/var/run/rrdcached.sock: rrd_fetch_r failed: opening '${vmFile(releaseOf(world.topology.version.version), id)}': No such file or directory`,
    );
  }
  const { maxMem, maxDisk, cpus } = liveStatus(world, vm);
  const knownSince = world.history.knownSince(id);
  return rows(call, (time, step) => {
    if (time <= knownSince) return undefined;
    const ran = overlaps(world.history.of(id), { from: time - step, to: time });
    const averages = vmAverages(world, id, { ran, step });
    const { mem, ...others } = averages;
    const used = Math.floor(maxMem * mem);
    return { maxcpu: cpus, maxmem: maxMem, maxdisk: maxDisk, disk: 0, mem: used, memhost: used, ...others };
  });
}

/** Averages over a step: nothing is used while the VM does not run. */
function vmAverages(world: World, id: number, { ran, step }: { ran: Span[]; step: number }): Record<VmFigure, number> {
  const average = (of: (span: Span) => number): number => ran.reduce((sum, span) => sum + of(span), 0) / step;
  const length = (span: Span): number => span.to - span.from;
  return {
    cpu: average((span) => world.load.cpu(id, span.to) * length(span)),
    mem: average((span) => world.load.memory(id, span.to) * length(span)),
    netin: average((span) => world.load.traffic(id, 'in', span)),
    netout: average((span) => world.load.traffic(id, 'out', span)),
    diskread: average((span) => world.load.disk(id, 'read', span)),
    diskwrite: average((span) => world.load.disk(id, 'write', span)),
  };
}

type VmFigure = 'cpu' | 'mem' | 'netin' | 'netout' | 'diskread' | 'diskwrite';

function nodeRows(call: Call): unknown {
  const one = call.world.nodes.get(textOf(call.params['node']));
  if (one === undefined) throw failure('no such node');
  const { load } = call.world;
  return rows(call, (time, step) => {
    if (time < one.bootedAt / 1000) return undefined;
    const span = { from: time - step, to: time };
    const cpu = load.cpu(one.id, time);
    return {
      cpu,
      maxcpu: one.cpus,
      memtotal: one.memoryBytes,
      memused: Math.floor(one.memoryBytes * load.memory(one.id, time)),
      roottotal: one.rootBytes,
      rootused: Math.floor(one.rootBytes / 10),
      loadavg: cpu * one.cpus,
      netin: load.traffic(one.id, 'in', span) / step,
      netout: load.traffic(one.id, 'out', span) / step,
      iowait: 0,
    };
  });
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
