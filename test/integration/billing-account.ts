// Acts as a billing system: plain HTTP with the token of a ServiceAccount that has the shipped billing role and nothing else.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import type { StatusBody } from '../../src/kube/errors.ts';
import { codeBlocks } from '../arch/documents.ts';
import { ROOT, type TestBed } from './harness.ts';

/** One request of a client that knows nothing of Kubernetes but paths and JSON. */
export interface HttpRequest {
  method: string;
  path: string;
  contentType?: string;
  body?: object;
}

export interface HttpAnswer<T = StatusBody> {
  status: number;
  /** The API server's warnings. */
  warnings: readonly string[];
  body: T;
}

/** The namespace that docs/billing.md speaks of. */
export const PAGE_NAMESPACE = 'customer-142';
const ACCOUNT = 'billing';

/** A billing system that has nothing but its role. */
export class BillingAccount implements AsyncDisposable {
  readonly #url: string;
  readonly #token: string;
  readonly #agent: Agent;

  private constructor(url: string, token: string, agent: Agent) {
    this.#url = url;
    this.#token = token;
    this.#agent = agent;
  }

  /** Makes the account as docs/billing.md tells. */
  static async create({ cluster, kubectl }: TestBed): Promise<BillingAccount> {
    await kubectl(['create', 'namespace', ACCOUNT]);
    await kubectl(['-n', ACCOUNT, 'create', 'serviceaccount', ACCOUNT]);
    const binding = ['--clusterrole=pve-operator-billing', `--serviceaccount=${ACCOUNT}:${ACCOUNT}`];
    await kubectl(['create', 'clusterrolebinding', ACCOUNT, ...binding]);
    const token = (await kubectl(['-n', ACCOUNT, 'create', 'token', ACCOUNT])).trim();
    const authority = cluster.kubeConfig.getCurrentCluster()?.caData ?? '';
    const ca = Buffer.from(authority, 'base64').toString('utf8');
    return new BillingAccount(cluster.plane.url, token, new Agent({ connect: { ca } }));
  }

  async send<T = StatusBody>({ method, path, contentType, body }: HttpRequest): Promise<HttpAnswer<T>> {
    const answer = await request(`${this.#url}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: {
        authorization: `Bearer ${this.#token}`,
        accept: 'application/json',
        ...(contentType === undefined ? {} : { 'content-type': contentType }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const warnings = [answer.headers['warning'] ?? []].flat();
    return { status: answer.statusCode, warnings, body: (await answer.body.json()) as T };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.close();
  }
}

/** The request of a section of docs/billing.md, sent to another namespace. */
export function documented(section: string, namespace: string): HttpRequest {
  const page = readFileSync(join(ROOT, 'docs/billing.md'), 'utf8');
  const found = page.split(/^#{2,3} /m).find((text) => text.startsWith(`${section}\n`));
  const [block] = codeBlocks(found ?? '', 'http');
  if (block === undefined) throw new Error(`docs/billing.md has no request under the heading ${section}.`);
  const [head = '', json] = block.split('\n\n');
  const [first = '', ...headers] = head.trim().split('\n');
  const [method = '', path = ''] = first.split(' ');
  const contentType = headers.find((line) => line.startsWith('Content-Type: '))?.split(': ')[1];
  return {
    method,
    path: path.replace(PAGE_NAMESPACE, namespace),
    ...(contentType === undefined ? {} : { contentType }),
    ...(json === undefined ? {} : { body: JSON.parse(json) as object }),
  };
}
