import { aBuiltVm, aNewVm, created, holdRule, updated } from '../../../test/builders/admission.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../api/virtual-machine.ts';
import { FINALIZER } from '../../controllers/finalizer.ts';
import { FORCE_REMOVE_ANNOTATION } from '../../controllers/reset-status.ts';
import { PAUSE_ANNOTATION } from '../../domain/operations.ts';
import type { Right } from '../rule.ts';
import { finalizerKept, guardedFields } from './guarded-fields.ts';

const refused = (path: string, unless: Right) => [{ path, code: 'PermissionRequired', unless }] as const;

const annotated = (annotations: Record<string, string>): VirtualMachine => {
  const vm = aBuiltVm();
  return { ...vm, metadata: { ...vm.metadata, annotations } };
};
const annotation = (name: string) => `metadata.annotations["${name}"]`;

/** What a right is about: nothing said, something said, and something else said. */
const GUARDED: readonly { path: string; right: Right; values: readonly Partial<VirtualMachineSpec>[] }[] = [
  { path: 'spec.planRef', right: 'setplan', values: [{}, { planRef: { name: 'big' } }] },
  {
    path: 'spec.options',
    right: 'setplan',
    values: [{}, { options: { cpuCores: 2 } }, { options: { cpuCores: 3 } }, { options: { networkMBps: 0 } }],
  },
  {
    path: 'spec.configurableOptions',
    right: 'setplan',
    values: [{}, { configurableOptions: { RAM: '2' } }, { configurableOptions: { RAM: '3' } }],
  },
  {
    path: 'spec.suspension',
    right: 'suspend',
    values: [{}, { suspension: { reason: 'unpaid' } }, { suspension: { reason: 'abuse' } }],
  },
  {
    path: 'spec.consent',
    right: 'consent',
    values: [
      {},
      { consent: { destroyVolumes: ['a:b'] } },
      { consent: { destroyVolumes: ['a:c'] } },
      { consent: { deleteSnapshots: ['s1'] } },
    ],
  },
  { path: 'spec.deletionPolicy', right: 'setdeletionpolicy', values: [{}, { deletionPolicy: 'Retain' }] },
  { path: 'spec.deletionProtection', right: 'setdeletionpolicy', values: [{}, { deletionProtection: true }] },
];

const changes = GUARDED.flatMap(({ path, right, values }) =>
  values.flatMap((from, index) =>
    values
      .filter((_, other) => other !== index)
      .map((to) => ({
        name: `${path}: ${JSON.stringify(from)} to ${JSON.stringify(to)}`,
        review: updated(aBuiltVm(from), aBuiltVm(to)),
        want: refused(path, right),
      })),
  ),
);

const OWN_SAYING: readonly (readonly [Partial<VirtualMachineSpec>, Partial<VirtualMachineSpec>])[] = [
  [{}, { options: {} }],
  [{ options: {} }, { options: { cpuCores: undefined } }],
  [{}, { configurableOptions: {} }],
  [{}, { deletionPolicy: 'Delete' }],
  [{}, { deletionProtection: false }],
  [{}, { consent: {} }],
  [{}, { consent: { destroyVolumes: [], deleteSnapshots: [] } }],
  [{}, { runStrategy: 'Halted', driftPolicy: 'Correct', sshAuthorizedKeys: [] }],
];

holdRule(guardedFields, [
  ...changes,
  ...OWN_SAYING.flatMap(([one, other]) => [
    { name: `${JSON.stringify(one)} as ${JSON.stringify(other)}`, review: updated(aBuiltVm(one), aBuiltVm(other)) },
    { name: `${JSON.stringify(other)} as ${JSON.stringify(one)}`, review: updated(aBuiltVm(other), aBuiltVm(one)) },
  ]),
  {
    name: 'a pause',
    review: updated(aBuiltVm(), annotated({ [PAUSE_ANNOTATION]: '' })),
    want: refused(annotation(PAUSE_ANNOTATION), 'pause'),
  },
  {
    name: 'the end of a pause',
    review: updated(annotated({ [PAUSE_ANNOTATION]: 'true' }), aBuiltVm()),
    want: refused(annotation(PAUSE_ANNOTATION), 'pause'),
  },
  { name: 'a pause that is none', review: updated(aBuiltVm(), annotated({ [PAUSE_ANNOTATION]: 'false' })) },
  {
    name: 'a pause said otherwise',
    review: updated(annotated({ [PAUSE_ANNOTATION]: 'a' }), annotated({ [PAUSE_ANNOTATION]: 'b' })),
  },
  { name: 'another annotation', review: updated(aBuiltVm(), annotated({ note: 'mine' })) },
  {
    name: 'removal by force',
    review: updated(aBuiltVm(), annotated({ [FORCE_REMOVE_ANNOTATION]: 'true' })),
    want: refused(annotation(FORCE_REMOVE_ANNOTATION), 'forceremove'),
  },
  {
    name: 'removal by force, prepared',
    review: updated(aBuiltVm(), annotated({ [FORCE_REMOVE_ANNOTATION]: 'false' })),
    want: refused(annotation(FORCE_REMOVE_ANNOTATION), 'forceremove'),
  },
  {
    name: 'several at once, each with its own right',
    review: updated(aBuiltVm(), aBuiltVm({ planRef: { name: 'big' }, suspension: { reason: 'x' } })),
    want: [...refused('spec.planRef', 'setplan'), ...refused('spec.suspension', 'suspend')],
  },
  {
    name: 'plan and options of a new VM',
    review: created(aNewVm({ options: { cpuCores: 2 }, configurableOptions: { RAM: '2' }, planRef: { name: 'big' } })),
  },
  {
    name: 'a new VM that says what would be assumed',
    review: created(aNewVm({ deletionPolicy: 'Delete', deletionProtection: false, consent: {} })),
  },
  {
    name: 'a new VM that is suspended',
    review: created(aNewVm({ suspension: { reason: 'x' } })),
    want: refused('spec.suspension', 'suspend'),
  },
  {
    name: 'a new VM with consent',
    review: created(aNewVm({ consent: { destroyVolumes: ['a:b'] } })),
    want: refused('spec.consent', 'consent'),
  },
  {
    name: 'a new VM to be retained',
    review: created(aNewVm({ deletionPolicy: 'Retain' })),
    want: refused('spec.deletionPolicy', 'setdeletionpolicy'),
  },
  {
    name: 'a new VM with protection',
    review: created(aNewVm({ deletionProtection: true })),
    want: refused('spec.deletionProtection', 'setdeletionpolicy'),
  },
  {
    name: 'a new VM that is paused',
    review: created(aNewVm({}, { annotations: { [PAUSE_ANNOTATION]: 'true' } })),
    want: refused(annotation(PAUSE_ANNOTATION), 'pause'),
  },
  {
    name: 'a new VM to be removed by force',
    review: created(aNewVm({}, { annotations: { [FORCE_REMOVE_ANNOTATION]: 'true' } })),
    want: refused(annotation(FORCE_REMOVE_ANNOTATION), 'forceremove'),
  },
]);

const holding = (...finalizers: string[]) => aNewVm({}, { finalizers });

holdRule(finalizerKept, [
  { name: 'it stays', review: updated(holding(FINALIZER), holding('other', FINALIZER)) },
  { name: 'it comes', review: updated(aNewVm(), holding(FINALIZER)) },
  { name: 'it was not there', review: updated(holding('other'), aNewVm()) },
  {
    name: 'it goes',
    review: updated(holding(FINALIZER, 'other'), holding('other')),
    want: refused(`metadata.finalizers["${FINALIZER}"]`, 'forceremove'),
  },
  {
    name: 'all go',
    review: updated(holding(FINALIZER), aNewVm()),
    want: refused(`metadata.finalizers["${FINALIZER}"]`, 'forceremove'),
  },
]);
