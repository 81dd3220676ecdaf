// The small page for people: nodes, VMs and tasks as they are now.
import type { Simulator } from './simulator.ts';

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

type Cell = string | number | undefined;

function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = (tag: string, values: readonly Cell[]): string =>
    values.map((value) => `<${tag}>${escapeHtml(String(value ?? ''))}</${tag}>`).join('');
  return `<table><tr>${cells('th', head)}</tr>${rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('')}</table>`;
}

/** The page; it loads itself again every two seconds. */
export function statusPage(simulator: Simulator): string {
  const { world } = simulator;
  const nodes = [...world.nodes.values()].map((node) => [node.name, node.state, node.cpus]);
  const vms = [...world.vms.values()].map((vm) => [
    vm.vmid,
    vm.name,
    vm.node,
    vm.running === undefined ? 'stopped' : vm.running.qmpStatus,
    vm.lock,
  ]);
  const tasks = [...world.nodes.keys()]
    .flatMap((name) => world.tasks.ofNode(name).slice(0, 20))
    .map((task) => [
      new Date(task.startTime * 1000).toISOString(),
      task.node,
      task.type,
      task.id,
      task.status ?? 'running',
    ]);
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="2"><title>Simulated Proxmox VE</title>
<style>body{font:14px system-ui;margin:2em}table{border-collapse:collapse;margin-bottom:2em}td,th{padding:.2em .8em;text-align:left;border-bottom:1px solid #ddd}</style>
<h1>${escapeHtml(world.topology.cluster)}</h1>
<h2>Nodes</h2>${table(['node', 'state', 'CPUs'], nodes)}
<h2>Virtual machines</h2>${table(['VMID', 'name', 'node', 'status', 'lock'], vms)}
<h2>Tasks</h2>${table(['started', 'node', 'type', 'id', 'status'], tasks)}
<p>${simulator.requests.length} requests served.</p>`;
}
