// Who asks in the tests of admission: the administrator, somebody with every verb of Kubernetes and none of ours, and such with one of ours each.
import { GROUP } from '../../../src/api/object.ts';
import { RIGHTS, type Right } from '../../../src/webhook/rule.ts';
import { Account } from '../account.ts';
import type { TestBed } from '../harness.ts';
import { ACCOUNT_NAMESPACE } from './scene.ts';

const KUBERNETES_VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];

const PAUSER = 'pauser';

export class Accounts implements AsyncDisposable {
  readonly administrator: Account;
  /** May write everything, but has none of our verbs. */
  readonly writer: Account;
  /** Like the writer, and may pause the one VM that is named so. */
  readonly pauser: Account;
  readonly #holders: ReadonlyMap<string, Account>;

  private constructor({ administrator, writer, pauser, holders }: Parts) {
    this.administrator = administrator;
    this.writer = writer;
    this.pauser = pauser;
    this.#holders = holders;
  }

  /** `pausable`: name of the VM that the pauser may pause. */
  static async create(bed: TestBed, { pausable }: { pausable: string }): Promise<Accounts> {
    const rights = Object.keys(RIGHTS);
    const roles = [
      role('writer', KUBERNETES_VERBS),
      ...rights.map((right) => role(right, [right])),
      role(PAUSER, ['pause'], { resourceNames: [pausable] }),
    ];
    await bed.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: roles }));
    const account = (name: string, granted: readonly string[]) =>
      Account.create(bed, { namespace: ACCOUNT_NAMESPACE, name, roles: granted });
    const [writer, pauser, holders] = await Promise.all([
      account('writer', ['writer']),
      account(PAUSER, ['writer', PAUSER]),
      Promise.all(rights.map(async (right) => [right, await account(right, ['writer', right])] as const)),
    ]);
    return new Accounts({ administrator: Account.administrator(bed), writer, pauser, holders: new Map(holders) });
  }

  /** Like the writer, with one of our verbs. */
  holderOf(right: Right): Account {
    const holder = this.#holders.get(right);
    if (holder === undefined) throw new TypeError(`Nobody has the verb ${right}.`);
    return holder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [this.administrator, this.writer, this.pauser, ...this.#holders.values()];
    await Promise.all(all.map((account) => account[Symbol.asyncDispose]()));
  }
}

interface Parts {
  administrator: Account;
  writer: Account;
  pauser: Account;
  holders: ReadonlyMap<string, Account>;
}

function role(name: string, verbs: readonly string[], only: { resourceNames?: readonly string[] } = {}): object {
  const rules = [{ apiGroups: [GROUP], resources: ['*'], verbs, ...only }];
  return { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules };
}
