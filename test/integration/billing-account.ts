// Acts as a billing system: plain HTTP with the token of a ServiceAccount that has the shipped billing role and nothing else.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeBlocks } from '../arch/documents.ts';
import { Account, type HttpRequest } from './account.ts';
import { ROOT, type TestBed } from './harness.ts';

/** The namespace that docs/billing.md speaks of. */
export const PAGE_NAMESPACE = 'customer-142';
const ACCOUNT = 'billing';

/** A billing system that has nothing but its role, as docs/billing.md tells to make its account. */
export async function billingAccount(bed: TestBed): Promise<Account> {
  await bed.kubectl(['create', 'namespace', ACCOUNT]);
  return Account.create(bed, { namespace: ACCOUNT, name: ACCOUNT, roles: ['pve-operator-billing'] });
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
