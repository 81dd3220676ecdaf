// Tests of the page for people: what it tells of nodes, VMs and tasks, that it is live, and that nobody's text becomes markup.
import { describe, expect, it } from 'vitest';
import { VirtualClock } from './clock.ts';
import { parseTopology, Simulator } from './simulator.ts';
import { statusPage } from './status-page.ts';
import { demoTopology, Lab } from './testing.ts';

/** The cells of the rows below a heading. */
function rowsOf(page: string, heading: string): string[][] {
  const table = new RegExp(`<h2>${heading}</h2><table>(.*?)</table>`, 's').exec(page)?.[1] ?? '';
  return [...table.matchAll(/<tr>(.*?)<\/tr>/gs)]
    .map(([, row = '']) => [...row.matchAll(/<td>(.*?)<\/td>/gs)].map(([, cell = '']) => cell))
    .filter((row) => row.length > 0);
}

describe('the page', () => {
  it('tells the cluster, its nodes and its VMs', () => {
    const page = statusPage(new Lab().simulator);
    expect(page).toContain('<h1>demo</h1>');
    expect(rowsOf(page, 'Nodes')).toEqual([
      ['pve1', 'up', '16'],
      ['pve2', 'up', '16'],
      ['pve3', 'up', '16'],
    ]);
    expect(rowsOf(page, 'Virtual machines').map(([vmid, name, node, status]) => [vmid, name, node, status])).toEqual([
      ['9000', 'debian-12', 'pve1', 'stopped'],
      ['9001', expect.any(String), 'pve2', 'stopped'],
    ]);
    expect(rowsOf(page, 'Tasks')).toEqual([]);
  });

  it('loads itself again every two seconds', () => {
    expect(statusPage(new Lab().simulator)).toContain('<meta http-equiv="refresh" content="2">');
  });

  const changes: { name: string; act: (lab: Lab) => unknown; heading: string; want: string[] }[] = [
    {
      name: 'a node that is down',
      act: (lab) => lab.simulator.nodeDown('pve2'),
      heading: 'Nodes',
      want: ['pve2', 'down', '16'],
    },
    {
      name: 'a node that is cut off',
      act: (lab) => lab.simulator.cutNode('pve2'),
      heading: 'Nodes',
      want: ['pve2', 'cut', '16'],
    },
    {
      name: 'a paused node',
      act: (lab) => lab.simulator.pauseNode('pve2'),
      heading: 'Nodes',
      want: ['pve2', 'paused', '16'],
    },
    {
      name: 'a lock',
      act: (lab) => lab.simulator.setLock(9000, 'backup'),
      heading: 'Virtual machines',
      want: ['9000', 'debian-12', 'pve1', 'stopped', 'backup'],
    },
    {
      name: 'a VM without a name',
      act: (lab) => lab.simulator.stealVmid(100, {}),
      heading: 'Virtual machines',
      want: ['100', 'VM 100', 'pve1', 'stopped', ''],
    },
    {
      name: 'a running VM',
      act: async (lab) => {
        await lab.clone(100);
        await lab.task('POST', '/nodes/pve1/qemu/100/status/start');
      },
      heading: 'Virtual machines',
      want: ['100', 'vm100', 'pve1', 'running', ''],
    },
    {
      name: 'a paused VM',
      act: async (lab) => {
        await lab.clone(100);
        await lab.task('POST', '/nodes/pve1/qemu/100/status/start');
        await lab.task('POST', '/nodes/pve1/qemu/100/status/suspend');
      },
      heading: 'Virtual machines',
      want: ['100', 'vm100', 'pve1', 'paused', ''],
    },
    {
      name: 'a task that runs',
      act: (lab) => lab.call('POST', '/nodes/pve1/qemu/9000/clone', { newid: 100, full: 1 }),
      heading: 'Tasks',
      want: ['2026-11-22T05:00:00.000Z', 'pve1', 'qmclone', '9000', 'running'],
    },
    {
      name: 'a task that failed',
      act: async (lab) => {
        lab.simulator.hideVolume('shared:9000/base-9000-disk-0.qcow2');
        await lab.clone(100);
      },
      heading: 'Tasks',
      want: [
        '2026-11-22T05:00:00.000Z',
        'pve1',
        'qmclone',
        '9000',
        "clone failed: volume 'shared:9000/base-9000-disk-0.qcow2' does not exist",
      ],
    },
  ];
  it.each(changes)('shows $name', async ({ act, heading, want }) => {
    const lab = new Lab();
    await act(lab);
    expect(rowsOf(statusPage(lab.simulator), heading)).toContainEqual(want);
  });

  it('shows the latest twenty tasks of a node, newest first', async () => {
    const lab = new Lab();
    for (let vmid = 100; vmid < 123; vmid += 1) await lab.clone(vmid);
    const rows = rowsOf(statusPage(lab.simulator), 'Tasks');
    expect(rows).toHaveLength(20);
    const times = rows.map(([at = '']) => Date.parse(at));
    expect(times).toEqual(times.toSorted((one, other) => other - one));
  });

  it('counts requests', async () => {
    const lab = new Lab();
    await lab.call('GET', '/version');
    await lab.call('GET', '/version');
    expect(statusPage(lab.simulator)).toContain('2 requests served');
  });

  const texts = ['<script>alert(1)</script>', '"quoted" & \'co\'', '</td></table>', '&#60;'];
  it.each(texts)('shows %s as text', (text) => {
    const topology = parseTopology({ ...demoTopology(), cluster: text });
    const simulator = new Simulator({ topology, clock: new VirtualClock() });
    simulator.stealVmid(100, { name: text, lock: text });
    const page = statusPage(simulator);
    expect(page).not.toContain(text);
    expect(rowsOf(page, 'Virtual machines')).toHaveLength(3);
    expect(rowsOf(page, 'Virtual machines')[2]?.[1]).toBe(rowsOf(page, 'Virtual machines')[2]?.[4]);
  });
});
