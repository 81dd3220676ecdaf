// Asks the API server as somebody: plain HTTP, with the administrator's certificate or the token of a ServiceAccount.
import { Agent, request } from 'undici';
import type { StatusBody } from '../../src/kube/errors.ts';
import type { TestBed } from './harness.ts';

/** One request of a client that knows nothing of Kubernetes but paths and JSON. */
export interface HttpRequest {
  method: string;
  path: string;
  contentType?: string;
  body?: object;
}

export interface HttpAnswer<T = StatusBody> {
  status: number;
  /** The API server's warnings, as their headers. */
  warnings: readonly string[];
  body: T;
}

/** A ServiceAccount and the ClusterRoles that it has. */
export interface AccountOptions {
  namespace: string;
  name: string;
  roles: readonly string[];
  /** The only namespace in which it has them; absent: everywhere. */
  within?: string;
}

const JSON_TYPE = 'application/json';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

export class Account implements AsyncDisposable {
  /** As the API server names it. */
  readonly user: string;
  readonly #url: string;
  readonly #agent: Agent;
  readonly #token: string | undefined;

  private constructor(bed: Pick<TestBed, 'cluster'>, user: string, { token, ...connect }: Credentials) {
    this.user = user;
    this.#url = bed.cluster.plane.url;
    this.#token = token;
    this.#agent = new Agent({
      connect: { ca: decoded(bed.cluster.kubeConfig.getCurrentCluster()?.caData), ...connect },
    });
  }

  static administrator(bed: Pick<TestBed, 'cluster'>): Account {
    const { certData, keyData } = bed.cluster.kubeConfig.getCurrentUser() ?? {};
    return new Account(bed, 'admin', { cert: decoded(certData), key: decoded(keyData) });
  }

  /** Makes the account in a namespace that is there, and binds its roles. */
  static async create(
    bed: Pick<TestBed, 'cluster'>,
    { namespace, name, roles, within }: AccountOptions,
  ): Promise<Account> {
    await using admin = Account.administrator(bed);
    const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    await admin.#made(accounts, { metadata: { name } });
    const [bindings, kind] =
      within === undefined
        ? [`${RBAC}/clusterrolebindings`, 'ClusterRoleBinding']
        : [`${RBAC}/namespaces/${within}/rolebindings`, 'RoleBinding'];
    for (const role of roles) {
      await admin.#made(bindings, {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind,
        metadata: { name: `${name}.${role}` },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
        subjects: [{ kind: 'ServiceAccount', name, namespace }],
      });
    }
    const path = `${accounts}/${name}/token`;
    const asked = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 7200 } };
    const { status } = await admin.#made<{ status: { token: string } }>(path, asked);
    return new Account(bed, `system:serviceaccount:${namespace}:${name}`, { token: status.token });
  }

  async send<T = StatusBody>({ method, path, contentType, body }: HttpRequest): Promise<HttpAnswer<T>> {
    const answer = await request(`${this.#url}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: {
        accept: JSON_TYPE,
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
        ...(contentType === undefined ? {} : { 'content-type': contentType }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const warnings = [answer.headers['warning'] ?? []].flat();
    return { status: answer.statusCode, warnings, body: (await answer.body.json()) as T };
  }

  async #made<T = object>(path: string, body: object): Promise<T> {
    const answer = await this.send<T>({ method: 'POST', path, contentType: JSON_TYPE, body });
    if (answer.status !== 201) throw new Error(`POST ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.close();
  }
}

interface Credentials {
  token?: string;
  cert?: string;
  key?: string;
}

function decoded(base64 = ''): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
