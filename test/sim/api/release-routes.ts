// The endpoints as an earlier release has them: those it lacks, other privileges, other parameters.
import { parametersIn } from '../schema/earlier-parameters.ts';
import { isUpTo } from '../schema/release.ts';
import type { Release } from '../schema/release.ts';
import { needs } from './route.ts';
import type { Route } from './route.ts';

/** Endpoints that came with 9.0. */
const newIn9 = new Set(['GET /cluster/ha/rules', 'POST /cluster/ha/rules', 'POST /access/vncticket']);

/** One privilege opened the whole guest agent before 9.0 told reading from writing. */
const monitor = needs('/vms/{vmid}', 'VM.Monitor');

/** The routes of a release, from those of the newest. */
export function routesIn(release: Release, newest: readonly Route[]): readonly Route[] {
  const isOld = isUpTo(release, '8.4');
  return newest
    .filter((route) => !isOld || !newIn9.has(endpointOf(route)))
    .map((route) => ({
      ...route,
      permission: isOld && route.path.includes('/agent/') ? monitor : route.permission,
      parameters: parametersIn(release, endpointOf(route), route.parameters),
    }));
}

/** `METHOD /path` as the official schema names an endpoint. */
export function endpointOf(route: Pick<Route, 'method' | 'path'>): string {
  return `${route.method} ${route.path.replaceAll('*', '')}`;
}
