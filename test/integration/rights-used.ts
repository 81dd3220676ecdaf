// Compares what the operator's roles grant with what the API server's audit log shows that it used.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject } from '../../src/kube/types.ts';
import { OPERATOR_NAMESPACE } from '../builders/objects.ts';
import { ROOT } from './harness.ts';

const USER = `system:serviceaccount:${OPERATOR_NAMESPACE}:pve-operator`;
const NAME = 'pve-operator';
/** Annotations of an audit event (https://kubernetes.io/docs/reference/labels-annotations-taints/audit-annotations/). */
const DECISION = 'authorization.k8s.io/decision';
const REASON = 'authorization.k8s.io/reason';
const ALLOWED_BY = / of (?<kind>Role|ClusterRole) "pve-operator"/;

interface Role extends KubeObject {
  rules?: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
}

/** The part of an audit event that tells which right a request needed, and which role gave it. */
interface AuditEvent {
  verb: string;
  user: { username: string };
  objectRef?: { apiGroup?: string; resource?: string; subresource?: string; namespace?: string; name?: string };
  annotations?: Record<string, string>;
}

/** Every verb on every resource that a role of the operator grants: `ClusterRole: get plans`. */
export function grantedRights(roles: readonly Role[]): string[] {
  return roles
    .filter(({ kind, metadata }) => kind.endsWith('Role') && metadata.name === NAME)
    .flatMap(({ kind, rules = [] }) =>
      rules.flatMap(({ resources, verbs }) =>
        resources.flatMap((resource) => verbs.map((verb) => rightOf(kind, verb, resource))),
      ),
    );
}

/** What the operator's requests needed, by the role that the API server says has allowed them; and what was forbidden. */
export function usedRights(log: string): { used: Set<string>; forbidden: string[] } {
  const events = eventsOf(log).filter(({ user, objectRef }) => user.username === USER && objectRef !== undefined);
  const forbidden = events.filter(({ annotations }) => annotations?.[DECISION] !== 'allow').map(requestOf);
  const used = events.flatMap((event) => {
    const role = ALLOWED_BY.exec(event.annotations?.[REASON] ?? '')?.groups?.['kind'];
    return role === undefined ? [] : [rightOf(role, event.verb, resourceOf(event))];
  });
  return { used: new Set(used), forbidden };
}

function resourceOf({ objectRef }: AuditEvent): string {
  return [objectRef?.resource, objectRef?.subresource].filter((part) => part !== undefined).join('/');
}

function requestOf(event: AuditEvent): string {
  return `${event.verb} ${resourceOf(event)} ${event.objectRef?.namespace ?? ''}/${event.objectRef?.name ?? ''}`;
}

/** Rights that a run need not show, with the reason that docs/privileges.md gives for each. */
export function explainedRights(page = readFileSync(join(ROOT, 'docs/privileges.md'), 'utf8')): Map<string, string> {
  const table = page.split('| Verbs ')[1]?.split('\n\n')[0] ?? '';
  return new Map(table.split('\n').slice(2).flatMap(explainedIn));
}

function explainedIn(row: string): [right: string, reason: string][] {
  const [verbs, resources, role, reason] = row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('`', '').split(', '));
  const right = (verb: string, resource: string): string => rightOf(role?.[0] ?? '', verb, resource);
  return (verbs ?? []).flatMap((verb) =>
    (resources ?? []).map((resource): [string, string] => [right(verb, resource), reason?.join(', ') ?? '']),
  );
}

function rightOf(kind: string, verb: string, resource: string): string {
  return `${kind}: ${verb} ${resource}`;
}

function eventsOf(log: string): AuditEvent[] {
  return log.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as AuditEvent];
    } catch {
      // The last line may still be being written.
      return [];
    }
  });
}
