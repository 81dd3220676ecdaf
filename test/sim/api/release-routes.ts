// The endpoints as an earlier release has them: those it lacks, other privileges, parameters and answers.
import { parametersIn } from '../schema/earlier-parameters.ts';
import { isUpTo } from '../schema/release.ts';
import type { Release } from '../schema/release.ts';
import { JsonText, needs } from './route.ts';
import type { Route } from './route.ts';

/** Endpoints that came with 9.0. */
const newIn9 = new Set(['GET /cluster/ha/rules', 'POST /cluster/ha/rules', 'POST /access/vncticket']);

/** One privilege opened the whole guest agent before 9.0 told reading from writing. */
const monitor = needs('/vms/{vmid}', 'VM.Monitor');

const figuresNewIn9 =
  /^(?:memhost|arcsize|memavailable|pressure(?:cpu|io|memory)(?:some|full)|dependent-ha-resources|has-dbus-vmstate)$/;

/** Endpoints whose answers have fields that came with 9.0. */
const figureEndpoints =
  /^GET \/(?:cluster\/resources|nodes\/\{node\}\/(?:rrddata|qemu|qemu\/\{vmid\}\/(?:status\/current|rrddata|migrate)))$/;

/** The routes of a release, from those of the newest. */
export function routesIn(release: Release, newest: readonly Route[]): readonly Route[] {
  const isOld = isUpTo(release, '8.4');
  return newest
    .filter((route) => !isOld || !newIn9.has(endpointOf(route)))
    .map((route) => {
      const parameters = parametersIn(release, endpointOf(route), route.parameters);
      return isOld ? olderRoute({ ...route, parameters }) : { ...route, parameters };
    });
}

function olderRoute(route: Route): Route {
  const permission = route.path.includes('/agent/') ? monitor : route.permission;
  if (!figureEndpoints.test(endpointOf(route))) return { ...route, permission };
  return { ...route, permission, run: (call) => olderAnswer(route.run(call)) };
}

/** The answer without what came with 9.0; networks are no resources yet. */
function olderAnswer(data: unknown): unknown {
  if (data instanceof Promise) return data.then(olderAnswer);
  if (data instanceof JsonText) return olderAnswer((JSON.parse(data.body) as { data: unknown }).data);
  if (Array.isArray(data)) return data.filter((item) => !isNetwork(item)).map((item) => withoutNewer(item));
  return withoutNewer(data);
}

function isNetwork(item: unknown): boolean {
  return (item as { type?: unknown } | null)?.type === 'network';
}

function withoutNewer(item: unknown): unknown {
  if (typeof item !== 'object' || item === null) return item;
  return Object.fromEntries(Object.entries(item).filter(([key]) => !figuresNewIn9.test(key)));
}

/** `METHOD /path` as the official schema names an endpoint. */
export function endpointOf(route: Pick<Route, 'method' | 'path'>): string {
  return `${route.method} ${route.path.replaceAll('*', '')}`;
}
