import { aBuiltVm, aNewVm, holdRule, updated } from '../../../test/builders/admission.ts';
import { aPackage } from '../../../test/builders/facts.ts';
import { aPlan } from '../../../test/builders/objects.ts';
import type { PlanSpec } from '../../api/plan.ts';
import { planOptionsStay, planShrinksNothing } from './plan-roll-out.ts';

const sized = (sizeGiB: number, spec: Partial<PlanSpec> = {}) => aPlan({ systemDisk: { sizeGiB }, ...spec });
const automatic = { rollOut: 'Automatic' as const };
const onRequest = { rollOut: 'OnRequest' as const };
const world = { virtualMachines: [aBuiltVm()] };
const refused = [{ path: 'spec.systemDisk.sizeGiB', code: 'DiskShrink' }] as const;
const warned = ['The system disk of 1 VirtualMachine (customer-1/web-1) is larger'];
const withDisk = { virtualMachines: [aBuiltVm({}, { effective: aPackage({ additionalDiskGiB: 20 }) })] };
const additional = (sizeGiB: number) => aPlan({ additionalDisk: { sizeGiB }, ...automatic });
const lost = [{ path: 'spec.additionalDisk.sizeGiB', code: 'DiskShrink', says: 'additional disk' }] as const;

holdRule(planShrinksNothing, [
  { name: 'larger', review: updated(sized(40, automatic), sized(80, automatic)), world },
  { name: 'as large as the VMs are', review: updated(sized(80, automatic), sized(40, automatic)), world },
  {
    name: 'smaller, by itself',
    review: updated(sized(40, automatic), sized(39, automatic)),
    world,
    want: refused,
    warns: warned,
  },
  { name: 'smaller, on request', review: updated(sized(40, onRequest), sized(39, onRequest)), world, warns: warned },
  { name: 'smaller, and nothing said about roll-out', review: updated(sized(40), sized(39)), world, warns: warned },
  { name: 'no size any more: every VM keeps its own', review: updated(sized(40, automatic), aPlan(automatic)), world },
  {
    name: 'a smaller plan that begins to roll out',
    review: updated(sized(20), sized(20, automatic)),
    world,
    want: refused,
    warns: warned,
  },
  {
    name: 'a smaller plan, and something else that changes',
    review: updated(sized(20, automatic), sized(20, { ...automatic, cpuCores: 2 })),
    world,
  },
  {
    name: 'a VM whose options say its size',
    review: updated(sized(40, automatic), sized(20, automatic)),
    world: { virtualMachines: [aBuiltVm({ options: { systemDiskGiB: 40 } })] },
  },
  {
    name: 'a VM that is not built',
    review: updated(sized(40, automatic), sized(20, automatic)),
    world: { virtualMachines: [aNewVm()] },
  },
  {
    name: 'VMs of another plan',
    review: updated(sized(40, automatic), sized(20, automatic)),
    world: { virtualMachines: [aBuiltVm({ planRef: { name: 'other' } })] },
  },
  {
    name: 'a VM whose options are wrong, and so are not carried out',
    review: updated(sized(40, automatic), sized(20, automatic)),
    world: { virtualMachines: [aBuiltVm({ configurableOptions: { x: '1' } })] },
  },
  {
    name: 'a smaller additional disk',
    review: updated(additional(20), additional(19)),
    world: withDisk,
    want: lost,
    warns: ['additional disk'],
  },
  {
    name: 'an additional disk that goes',
    review: updated(additional(20), additional(0)),
    world: withDisk,
    want: lost,
    warns: ['additional disk'],
  },
  {
    name: 'the smallest additional disk, that goes',
    review: updated(additional(1), additional(0)),
    world: { virtualMachines: [aBuiltVm({}, { effective: aPackage({ additionalDiskGiB: 1 }) })] },
    want: lost,
    warns: ['additional disk'],
  },
  {
    name: 'an additional disk that goes, and a system disk that becomes smaller',
    review: updated(additional(20), { ...additional(0), spec: { ...additional(0).spec, systemDisk: { sizeGiB: 39 } } }),
    world: { virtualMachines: [aBuiltVm({}, { effective: aPackage({ systemDiskGiB: 40, additionalDiskGiB: 20 }) })] },
    want: [...refused, ...lost],
    warns: ['system disk', 'additional disk'],
  },
  { name: 'an additional disk that stays', review: updated(additional(10), additional(20)), world: withDisk },
  {
    name: 'an additional disk that nobody has',
    review: updated(additional(20), additional(0)),
    world: { virtualMachines: [aBuiltVm({}, { effective: aPackage() })] },
  },
]);

const offering = (...vmids: number[]) => aPlan({ allowedTemplates: vmids.map((vmid) => ({ vmid })) });
const chosen = { virtualMachines: [aBuiltVm({ options: { operatingSystem: 9001 } }), aNewVm({}, { name: 'web-2' })] };

holdRule(planOptionsStay, [
  { name: 'a template that nobody has goes', review: updated(offering(9001, 9002), offering(9001)), world: chosen },
  {
    name: 'a template that a VM has goes',
    review: updated(offering(9001), offering()),
    world: chosen,
    warns: ['1 VirtualMachine (customer-1/web-1)'],
  },
  {
    name: 'a template that a VM has becomes that of the plan',
    review: updated(offering(9001), aPlan({ template: { vmid: 9001 } })),
    world: chosen,
  },
  {
    name: 'the template of the plan, which a VM names, becomes another',
    review: updated(aPlan({ template: { vmid: 9001 } }), aPlan({ template: { vmid: 9002 } })),
    world: chosen,
    warns: ['1 VirtualMachine (customer-1/web-1)'],
  },
  {
    name: 'options that were wrong before',
    review: updated(offering(), aPlan({ template: { vmid: 9500 } })),
    world: chosen,
  },
  {
    name: 'something else that changes',
    review: updated(offering(9001), aPlan({ allowedTemplates: [{ vmid: 9001 }], cpuCores: 2 })),
    world: chosen,
  },
]);
