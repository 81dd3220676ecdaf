import { aNewVm, created, holdRule, NAMESPACE } from '../../../test/builders/admission.ts';
import { aPlan, aZone } from '../../../test/builders/objects.ts';
import { hostnameFree, hostnameInDomain, hostnameInOwnZone, nameValid } from './vm-names.ts';

const billing = { clientID: '142', serviceID: '5546' };
const PLAN_PATH = 'spec.planRef.name';
const ruled = (nameRule: string, domain?: string) => ({ plans: [aPlan({ nameRule, domain })] });

holdRule(nameValid, [
  { name: 'the default rule with billing ids', review: created(aNewVm({ billing })) },
  { name: 'the default rule without them', review: created(aNewVm()) },
  {
    name: 'a rule that needs the ids, which are there',
    review: created(aNewVm({ billing })),
    world: ruled('c{client_id}'),
  },
  {
    name: 'a rule that needs the ids, which are not',
    review: created(aNewVm()),
    world: ruled('{client_id}'),
    want: [{ path: 'spec.billing', code: 'NameInvalid' }],
  },
  {
    name: 'a rule that gives a part that is too long',
    review: created(aNewVm({ billing: { clientID: 'c'.repeat(40), serviceID: 's'.repeat(40) } })),
    world: ruled('{client_id}{service_id}'),
    want: [{ path: PLAN_PATH, code: 'NameInvalid', says: 'more than 63 characters' }],
  },
  { name: 'a part of 63 characters', review: created(aNewVm()), world: ruled('a'.repeat(63)) },
  {
    name: 'a name and a domain that are too long together',
    review: created(aNewVm()),
    world: ruled('a'.repeat(60), `${'d.'.repeat(96)}com`),
    want: [{ path: PLAN_PATH, code: 'NameInvalid', says: 'at most 253' }],
  },
  {
    name: 'a name and a domain of 253 characters together',
    review: created(aNewVm()),
    world: ruled('a'.repeat(60), `${'d.'.repeat(94)}comx`),
  },
  {
    name: 'a host name that makes the long domain unimportant',
    review: created(aNewVm({ hostname: 'web.com' })),
    world: ruled('a'.repeat(60), `${'d.'.repeat(96)}com`),
  },
  {
    name: 'a plan that does not exist, which is said elsewhere',
    review: created(aNewVm({ planRef: { name: 'none' } })),
  },
]);

const HOSTNAME = 'spec.hostname';
const hosted = (hostname: string) => created(aNewVm({ hostname }));
const outside = [{ path: HOSTNAME, code: 'HostnameNotAllowed', unless: 'bypass' }] as const;

holdRule(hostnameInDomain, [
  { name: 'none', review: created(aNewVm()) },
  { name: 'below the domain', review: hosted('web.example.com') },
  { name: 'far below the domain', review: hosted('a.b.example.com') },
  { name: 'elsewhere', review: hosted('www.example.org'), want: outside },
  { name: 'the domain itself', review: hosted('example.com'), want: outside },
  { name: 'a domain that ends alike', review: hosted('web.badexample.com'), want: outside },
  { name: 'a domain that begins alike', review: hosted('web.example.com.evil.org'), want: outside },
  {
    name: 'elsewhere, and the plan has no domain',
    review: hosted('www.example.org'),
    world: { plans: [aPlan({ domain: undefined })] },
  },
  {
    name: 'elsewhere, and there is no plan, which is said elsewhere',
    review: hosted('www.example.org'),
    world: { plans: [] },
  },
]);

const zone = (name: string, names?: readonly string[], object = name) => {
  const made = aZone(
    name,
    'https://pdns.example.net',
    names === undefined ? {} : { allowedNamespaces: { names: [...names] } },
  );
  return { ...made, metadata: { name: object } };
};
const closed = [{ path: HOSTNAME, code: 'ZoneNotAllowed' }] as const;

holdRule(hostnameInOwnZone, [
  { name: 'a zone for all', review: hosted('web.example.com'), world: { zones: [zone('example.com')] } },
  {
    name: 'a zone for the namespace',
    review: hosted('web.example.com'),
    world: { zones: [zone('example.com', [NAMESPACE])] },
  },
  {
    name: 'a zone for others',
    review: hosted('web.example.com'),
    world: { zones: [zone('example.com', ['customer-2'])] },
    want: closed,
  },
  {
    name: 'a zone for others, with a dot at its end',
    review: hosted('web.example.com'),
    world: { zones: [zone('example.com.', [])] },
    want: closed,
  },
  { name: 'the zone itself', review: hosted('example.com'), world: { zones: [zone('example.com', [])] }, want: closed },
  { name: 'a zone that ends alike', review: hosted('web.badexample.com'), world: { zones: [zone('example.com', [])] } },
  {
    name: 'a closed zone within an open one',
    review: hosted('web.in.example.com'),
    world: { zones: [zone('example.com'), zone('in.example.com', [])] },
    want: closed,
  },
  {
    name: 'an open zone within a closed one',
    review: hosted('web.in.example.com'),
    world: { zones: [zone('in.example.com'), zone('example.com', [])] },
  },
  {
    name: 'two objects for one zone, one of them open',
    review: hosted('web.example.com'),
    world: { zones: [zone('example.com', [], 'inner'), zone('example.com', [NAMESPACE], 'outer')] },
  },
  {
    name: 'no host name: the one that the plan makes is not published there',
    review: created(aNewVm()),
    world: { zones: [zone('example.com', [])] },
  },
  { name: 'no zone', review: hosted('web.example.com') },
]);

const other = (namespace: string, name: string, hostname = 'web.example.com') =>
  aNewVm({ hostname }, { namespace, name, uid: `uid-${namespace}-${name}` });
const taken = (path: string) => [{ path, code: 'NameTaken' }] as const;

holdRule(hostnameFree, [
  {
    name: 'nobody has it',
    review: hosted('web.example.com'),
    world: { virtualMachines: [other('customer-2', 'a', 'mail.example.com')] },
  },
  {
    name: 'another namespace has it',
    review: hosted('web.example.com'),
    world: { virtualMachines: [other('customer-2', 'a')] },
    want: taken(HOSTNAME),
  },
  {
    name: 'a VM of the same name elsewhere has it',
    review: hosted('web.example.com'),
    world: { virtualMachines: [other('customer-2', 'web-1')] },
    want: taken(HOSTNAME),
  },
  {
    name: 'the same namespace has it',
    review: hosted('web.example.com'),
    world: { virtualMachines: [other(NAMESPACE, 'web-2')] },
    want: taken(HOSTNAME),
  },
  {
    name: 'the object itself is known already',
    review: hosted('web.example.com'),
    world: { virtualMachines: [other(NAMESPACE, 'web-1')] },
  },
  {
    name: 'the name that the plan makes',
    review: created(aNewVm({ billing })),
    world: { virtualMachines: [other('customer-2', 'a', '142-5546.example.com')] },
    want: taken('metadata.name'),
  },
  {
    name: 'the name that the plan makes of the time',
    review: created(aNewVm()),
    world: {
      plans: [aPlan({ nameRule: 'vm-{year}{month}{day}', domain: 'example.com' })],
      virtualMachines: [other('customer-2', 'a', 'vm-20260301.example.com')],
    },
    want: taken('metadata.name'),
  },
  {
    name: 'a name without a domain',
    review: created(aNewVm({ billing })),
    world: { plans: [aPlan({ domain: undefined })], virtualMachines: [other('customer-2', 'a', '142-5546')] },
  },
  {
    name: 'a plan that does not exist, which is said elsewhere',
    review: hosted('web.example.com'),
    world: { plans: [], virtualMachines: [other('customer-2', 'a')] },
  },
]);
