import { aBuiltVm, aNewVm, holdRule, updated } from '../../../test/builders/admission.ts';
import { aPackage } from '../../../test/builders/facts.ts';
import { aPlan } from '../../../test/builders/objects.ts';
import type { Options } from '../../api/options.ts';
import { restartNeeded, snapshotsGo, systemStays } from './vm-warnings.ts';

const sized = (options: Options, status: Parameters<typeof aBuiltVm>[1] = {}) => aBuiltVm({ options }, status);
const restart = ['The VM is stopped and started again'];

holdRule(restartNeeded, [
  {
    name: 'more cores',
    review: updated(aBuiltVm(), sized({ cpuCores: 2 })),
    warns: ['cores cannot change while the VM runs'],
  },
  {
    name: 'more memory',
    review: updated(aBuiltVm(), sized({ memoryGiB: 2 })),
    warns: ['memory cannot change while the VM runs'],
  },
  { name: 'the same', review: updated(aBuiltVm(), sized({ cpuCores: 1, memoryGiB: 1 })) },
  { name: 'a larger disk', review: updated(aBuiltVm(), sized({ systemDiskGiB: 80 })) },
  {
    name: 'a VM that does not run',
    review: updated(aBuiltVm({}, { powerState: 'Stopped' }), sized({ cpuCores: 2 }, { powerState: 'Stopped' })),
  },
  {
    name: 'a VM that is not known to run',
    review: updated(aBuiltVm({}, { powerState: 'Unknown' }), sized({ cpuCores: 2 }, { powerState: 'Unknown' })),
  },
  { name: 'a VM that is not built', review: updated(aNewVm(), aNewVm({ options: { cpuCores: 2 } })) },
  {
    name: 'another plan',
    review: updated(aBuiltVm(), aBuiltVm({ planRef: { name: 'big' } })),
    world: { plans: [aPlan(), aPlan({ cpuCores: 4 }, 'big')] },
    warns: restart,
  },
  { name: 'a plan that does not exist', review: updated(aBuiltVm(), aBuiltVm({ planRef: { name: 'none' } })) },
  {
    name: 'something else that changes while more cores are on their way',
    review: updated(sized({ cpuCores: 2 }), aBuiltVm({ options: { cpuCores: 2 }, runStrategy: 'Always' })),
  },
]);

const inTheWay = { snapshotsInTheWay: ['before-upgrade', 'nightly'] };
const consenting = (...deleteSnapshots: string[]) => aBuiltVm({ consent: { deleteSnapshots } }, inTheWay);

holdRule(snapshotsGo, [
  {
    name: 'a consent to all',
    review: updated(aBuiltVm({}, inTheWay), consenting('nightly', 'before-upgrade')),
    warns: ['before-upgrade, nightly will be deleted'],
  },
  {
    name: 'a consent to the only one',
    review: updated(aBuiltVm({}, { snapshotsInTheWay: ['before-upgrade'] }), consenting('before-upgrade')),
    warns: ['The snapshots before-upgrade will'],
  },
  { name: 'a consent to one of two', review: updated(aBuiltVm({}, inTheWay), consenting('nightly')) },
  { name: 'a consent to others', review: updated(aBuiltVm({}, inTheWay), consenting('a1', 'a2')) },
  {
    name: 'no snapshots in the way',
    review: updated(aBuiltVm(), aBuiltVm({ consent: { deleteSnapshots: ['nightly'] } })),
  },
  {
    name: 'a consent that was there',
    review: updated(consenting('nightly', 'before-upgrade'), consenting('nightly', 'before-upgrade')),
  },
]);

const choosing = (operatingSystem: number) => aBuiltVm({ options: { operatingSystem } });
const world = { plans: [aPlan({ allowedTemplates: [{ vmid: 9001 }] })] };

holdRule(systemStays, [
  { name: 'another one', review: updated(aBuiltVm(), choosing(9001)), world, warns: ['stays template 9000'] },
  { name: 'the one that it has', review: updated(aBuiltVm(), choosing(9000)), world },
  { name: 'back to the one that it has', review: updated(choosing(9001), choosing(9000)), world },
  { name: 'before it is built', review: updated(aNewVm(), aNewVm({ options: { operatingSystem: 9001 } })), world },
  {
    name: 'something else that changes',
    review: updated(choosing(9001), aBuiltVm({ options: { operatingSystem: 9001 }, runStrategy: 'Always' })),
    world,
  },
  {
    name: 'one that is built from it already',
    review: updated(aBuiltVm({}, { effective: aPackage({ operatingSystem: 9001 }) }), choosing(9001)),
    world,
  },
]);
