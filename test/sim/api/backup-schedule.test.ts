// Tests of scheduled backups: a day of them passes in virtual time.
import { describe, expect, it } from 'vitest';
import { Lab } from '../testing.ts';

async function prepared(): Promise<Lab> {
  const lab = new Lab();
  await lab.clone(100);
  await lab.clone(101);
  await lab.task('POST', '/nodes/pve1/qemu/101/migrate', { target: 'pve2' });
  lab.simulator.setRole('PveOperator', [
    'Sys.Modify',
    'Sys.Audit',
    'VM.Audit',
    'Datastore.Audit',
    'Datastore.Allocate',
  ]);
  return lab;
}

/** Backups by VM after a day, as tasks tell: node, VMIDs, status. */
async function afterADay(lab: Lab): Promise<string[]> {
  await lab.clock.advance(86_400_000);
  return ['pve1', 'pve2', 'pve3'].flatMap((node) =>
    lab.simulator.world.tasks
      .ofNode(node)
      .filter(({ type }) => type === 'vzdump')
      .map(({ id, status }) => `${node} ${id} ${status}`),
  );
}

describe('a day of scheduled backups', () => {
  const rows: { name: string; job: Record<string, unknown>; want: string[] }[] = [
    { name: 'runs a job of one VM', job: { vmid: '100', schedule: '21:00' }, want: ['pve1 100 OK'] },
    { name: 'on the node that holds it', job: { vmid: '101', schedule: 'daily' }, want: ['pve2 101 OK'] },
    {
      name: 'on every node that has one',
      job: { vmid: '100,101', schedule: '2:30' },
      want: ['pve1 100 OK', 'pve2 101 OK'],
    },
    {
      name: 'of everything but',
      job: { all: 1, exclude: '9000,9001', schedule: '2:30' },
      want: ['pve1 100 OK', 'pve2 101 OK'],
    },
    { name: 'as often as it is due', job: { vmid: '100', schedule: '*/8:00' }, want: Array(3).fill('pve1 100 OK') },
    { name: 'not on other days', job: { vmid: '100', schedule: 'sat 21:00' }, want: [] },
    { name: 'at an older job’s time', job: { vmid: '100', starttime: '21:00', dow: 'sun,mon' }, want: ['pve1 100 OK'] },
    { name: 'not when it is disabled', job: { vmid: '100', schedule: '21:00', enabled: 0 }, want: [] },
    {
      name: 'to a storage that is missing, in vain',
      job: { vmid: '100', schedule: '21:00', storage: 'tape' },
      want: [expect.stringMatching(/^pve1 100 .*tape/) as string],
    },
    { name: 'not for another node', job: { vmid: '100', schedule: '21:00', node: 'pve2' }, want: [] },
    {
      name: 'with the errors of a locked VM',
      job: { vmid: '9000', schedule: '21:00' },
      want: ['pve1 9000 job errors'],
    },
  ];
  it.each(rows)('$name', async ({ job, want }) => {
    const lab = await prepared();
    lab.simulator.setLock(9000, 'backup');
    expect(await lab.call('POST', '/cluster/backup', { storage: 'shared', ...job })).toMatchObject({ status: 200 });
    expect(await afterADay(lab)).toEqual(want);
  });

  it('leaves archives, and ends with the simulator', async () => {
    const lab = await prepared();
    await lab.call('POST', '/cluster/backup', { storage: 'shared', vmid: '100', schedule: 'hourly' });
    await lab.clock.advance(2 * 3_600_000 + 60_000);
    await lab.simulator.close();
    const archives = (): number =>
      [...lab.simulator.world.volumes.all()].filter(({ content }) => content === 'backup').length;
    const before = archives();
    expect(before).toBeGreaterThan(0);
    await lab.clock.advance(2 * 3_600_000);
    expect(archives()).toBe(before);
  });

  it('is announced by the job’s next run', async () => {
    const lab = await prepared();
    await lab.call('POST', '/cluster/backup', { storage: 'shared', vmid: '100', schedule: '21:00' });
    const [job] = (await lab.call('GET', '/cluster/backup')).data as { 'next-run': number }[];
    expect(job?.['next-run']).toBe(Date.UTC(2026, 10, 22, 21) / 1000);
  });
});
