// Who may do what, asked of a real API server for every verb, kind, namespace and role: what docs/access.md says and nothing else.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunResult } from '../../hack/process/run.ts';
import { GROUP } from '../../src/api/object.ts';
import type { KubeObject, ResourceType } from '../../src/kube/types.ts';
import { RIGHTS } from '../../src/webhook/rule.ts';
import { aVirtualMachine, OPERATOR_NAMESPACE } from '../builders/objects.ts';
import { explainedRights, promisedRights, type RoleName, ROLES } from './access-page.ts';
import { manifestsIn, startTestBed, type TestBed } from './harness.ts';

const OWN = 'customer-142';
const OTHER = 'customer-143';
/** A request for the objects of all namespaces, or for objects that live in none. */
const EVERYWHERE = '';
const NAMESPACES = [OWN, OTHER, OPERATOR_NAMESPACE, EVERYWHERE];
const API_VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
const OUR_VERBS = Object.keys(RIGHTS);
/** Enough that the API server is never idle; more would only wait. */
const AT_ONCE = 24;

interface Definition extends KubeObject {
  spec: {
    scope: 'Namespaced' | 'Cluster';
    names: { plural: string };
    versions: { subresources?: Record<string, object> }[];
  };
}

interface ClusterRole extends KubeObject {
  aggregationRule?: { clusterRoleSelectors?: { matchLabels?: Record<string, string> }[] };
  rules?: { apiGroups: string[]; resources: string[]; verbs: string[] }[] | null;
}

interface AccessReview extends KubeObject {
  spec: object;
  status?: { allowed: boolean };
}

const accessReviews: ResourceType<AccessReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SubjectAccessReview',
  plural: 'subjectaccessreviews',
  namespaced: false,
};

const clusterRoles: ResourceType<ClusterRole> = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
};

/** One question to the authorizer. */
interface Question {
  verb: string;
  plural: string;
  subresource: string;
  namespace: string;
}

/** Somebody with a role, in one namespace or everywhere; absent roles and promises are nothing. */
interface Actor {
  name: string;
  namespace: typeof OWN | typeof EVERYWHERE;
  /** The role whose promises hold. */
  as?: RoleName;
  /** A built-in role that is bound instead of ours. */
  through?: 'view' | 'edit' | 'admin';
}

const ACTORS: readonly Actor[] = [
  { name: 'somebody without a role', namespace: OWN },
  { name: 'tenant-view in a namespace', as: 'tenant-view', namespace: OWN },
  { name: 'tenant-edit in a namespace', as: 'tenant-edit', namespace: OWN },
  { name: 'billing in a namespace', as: 'billing', namespace: OWN },
  { name: 'billing', as: 'billing', namespace: EVERYWHERE },
  { name: 'platform-admin', as: 'platform-admin', namespace: EVERYWHERE },
  { name: 'view in a namespace', as: 'tenant-view', namespace: OWN, through: 'view' },
  { name: 'edit in a namespace', as: 'tenant-edit', namespace: OWN, through: 'edit' },
  { name: 'admin in a namespace', as: 'tenant-edit', namespace: OWN, through: 'admin' },
];

const userOf = ({ name }: Actor): string => name.replaceAll(' ', '-');

let bed: TestBed;
let questions: Question[];
let definitions: Definition[];

beforeAll(async () => {
  bed = await startTestBed();
  for (const namespace of [OWN, OTHER]) await bed.kubectl(['create', 'namespace', namespace]);
  definitions = (await manifestsIn('crds')) as Definition[];
  questions = definitions.flatMap(questionsAbout);
  for (const actor of ACTORS) await bind(actor);
});

afterAll(async () => {
  await bed?.[Symbol.asyncDispose]();
});

function questionsAbout({ spec: { scope, names, versions } }: Definition): Question[] {
  const { plural } = names;
  const subresources = ['', ...new Set(versions.flatMap((version) => Object.keys(version.subresources ?? {})))];
  const namespaces = scope === 'Namespaced' ? NAMESPACES : [EVERYWHERE];
  return subresources.flatMap((subresource) =>
    namespaces.flatMap((namespace) =>
      [...API_VERBS, ...OUR_VERBS].map((verb) => ({ verb, plural, subresource, namespace })),
    ),
  );
}

async function bind(actor: Actor): Promise<void> {
  for (const role of await rolesOf(actor)) {
    const name = `${userOf(actor)}.${role.replaceAll(':', '.')}`;
    const flags = [name, `--clusterrole=${role}`, `--user=${userOf(actor)}`];
    const kind = actor.namespace === EVERYWHERE ? ['clusterrolebinding'] : ['rolebinding', '-n', actor.namespace];
    await bed.kubectl(['create', ...kind, ...flags]);
  }
}

/** What a controller would join into a built-in role is bound one by one: none runs here. */
async function rolesOf({ as, through }: Actor): Promise<string[]> {
  if (as === undefined) return [];
  if (through === undefined) return [`pve-operator-${as}`];
  const { items } = await bed.client.list(clusterRoles);
  const selectors = items.find(({ metadata }) => metadata.name === through)?.aggregationRule?.clusterRoleSelectors;
  const joins = ({ metadata }: ClusterRole): boolean =>
    (selectors ?? []).some(({ matchLabels = {} }) =>
      Object.entries(matchLabels).every(([label, value]) => metadata.labels?.[label] === value),
    );
  return items.filter(joins).map(({ metadata }) => metadata.name);
}

async function isAllowed(user: string, { verb, plural, subresource, namespace }: Question): Promise<boolean> {
  const resourceAttributes = { group: GROUP, resource: plural, subresource, verb, namespace };
  const review = { metadata: { name: '' }, spec: { user, groups: ['system:authenticated'], resourceAttributes } };
  return (await bed.client.create(accessReviews, review)).status?.allowed === true;
}

/** The questions that the API server answers with yes. */
async function granted(actor: Actor): Promise<Question[]> {
  const answers: boolean[] = [];
  for (let start = 0; start < questions.length; start += AT_ONCE) {
    const batch = questions.slice(start, start + AT_ONCE);
    answers.push(...(await Promise.all(batch.map((question) => isAllowed(userOf(actor), question)))));
  }
  return questions.filter((_, index) => answers[index]);
}

function promised({ as, namespace }: Actor): Question[] {
  if (as === undefined) return [];
  const verbs = promisedRights()[as];
  const reaches = (question: Question): boolean => namespace === EVERYWHERE || question.namespace === namespace;
  return questions.filter(
    (question) =>
      reaches(question) && question.subresource === '' && verbs.get(question.plural)?.has(question.verb) === true,
  );
}

const told = ({ verb, plural, subresource, namespace }: Question): string =>
  `${verb} ${plural}${subresource && `/${subresource}`} in ${namespace === EVERYWHERE ? 'all' : namespace}`;

describe('docs/access.md', () => {
  test('speaks of every kind in every role', () => {
    const plurals = definitions.map(({ spec }) => spec.names.plural).sort();
    for (const role of ROLES) expect([...promisedRights()[role].keys()].sort()).toEqual(plurals);
  });

  test('explains every verb of our own', () => {
    expect(explainedRights().sort()).toEqual(OUR_VERBS.toSorted());
  });
});

describe('the matrix of verbs, kinds and namespaces', () => {
  test('asks about every kind, its status and all verbs', () => {
    expect(questions.length).toBeGreaterThan(definitions.length * 2 * (API_VERBS.length + OUR_VERBS.length));
    expect(new Set(questions.map(({ subresource }) => subresource))).toEqual(new Set(['', 'status']));
  });

  test.each(ACTORS)('$name: what is documented and nothing else', async (actor) => {
    const want = promised(actor).map(told);
    if (actor.as !== undefined) expect(want.length).toBeGreaterThan(0);
    expect((await granted(actor)).map(told)).toEqual(want);
  });
});

describe('the roles', () => {
  test('name only our API group, and no wildcard', async () => {
    const roles = (await manifestsIn('config/rbac')).filter(({ kind }) => kind === 'ClusterRole') as ClusterRole[];
    const people = roles.filter(({ metadata }) => metadata.name !== 'pve-operator');
    expect(people.map(({ metadata }) => metadata.name).sort()).toEqual(
      ROLES.map((role) => `pve-operator-${role}`).sort(),
    );
    const rules = people.flatMap((role) => role.rules ?? []);
    expect(new Set(rules.flatMap(({ apiGroups }) => apiGroups))).toEqual(new Set([GROUP]));
    expect(
      rules.flatMap(({ resources, verbs }) => [...resources, ...verbs]).filter((word) => word.includes('*')),
    ).toEqual([]);
  });

  /** As the administrator of one namespace, who may make roles and bind them there. */
  function asAdmin(args: readonly string[], input?: string): Promise<RunResult> {
    return bed.cluster.plane.kubectl(['--as=admin-in-a-namespace', '-n', OWN, ...args], input);
  }

  test.each<{ name: string; args: string[] }>([
    { name: 'bind billing', args: ['rolebinding', 'mine', '--clusterrole=pve-operator-billing'] },
    { name: 'bind platform-admin', args: ['rolebinding', 'mine', '--clusterrole=pve-operator-platform-admin'] },
  ])('who administers a namespace cannot $name', async ({ args }) => {
    const { code, stderr } = await asAdmin(['create', ...args, '--user=admin-in-a-namespace']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('attempting to grant RBAC permissions'),
    });
  });

  test.each(OUR_VERBS)('who administers a namespace cannot make a role with the verb %s', async (verb) => {
    const resource = verb === 'bypass' ? 'plans' : 'virtualmachines';
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'mine' },
      rules: [{ apiGroups: [GROUP], resources: [resource], verbs: [verb] }],
    };
    const { code, stderr } = await asAdmin(['create', '-f', '-'], JSON.stringify(role));
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('attempting to grant RBAC permissions'),
    });
  });

  test('who administers a namespace can hand the role of a tenant on', async () => {
    const args = ['create', 'rolebinding', 'team', '--clusterrole=pve-operator-tenant-edit', '--user=colleague'];
    expect(await asAdmin(args)).toMatchObject({ code: 0 });
  });

  test('a tenant cannot write a status by way of the object', async () => {
    const vm = { ...aVirtualMachine('web-1'), status: { state: 'ready', vmid: 100 } };
    const asTenant = ['--as=tenant-edit-in-a-namespace', '-n', OWN];
    expect(await bed.cluster.plane.kubectl([...asTenant, 'create', '-f', '-'], JSON.stringify(vm))).toMatchObject({
      code: 0,
    });
    const patch = JSON.stringify({ status: { vmid: 101 } });
    const patched = await bed.cluster.plane.kubectl([
      ...asTenant,
      'patch',
      'pvm',
      'web-1',
      '--type=merge',
      '-p',
      patch,
    ]);
    expect(patched).toMatchObject({ code: 0, stdout: expect.stringContaining('no change') });
    expect(await bed.kubectl(['-n', OWN, 'get', 'pvm', 'web-1', '-o', 'jsonpath={.status}'])).toBe('');
    const forced = [...asTenant, 'patch', 'pvm', 'web-1', '--subresource=status', '--type=merge', '-p', patch];
    expect(await bed.cluster.plane.kubectl(forced)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('orbidden'),
    });
  });
});
