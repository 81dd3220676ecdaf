// Finds the endpoint of a method and path.
import type { Route } from '../api/route.ts';

interface Level {
  fixed: Map<string, Level>;
  parameter: Level | undefined;
  parameterName: string;
  /** Parameter that takes the rest of the path, slashes included. */
  rest: Map<string, { name: string; route: Route }>;
  routes: Map<string, Route>;
}

function emptyLevel(): Level {
  return { fixed: new Map(), parameter: undefined, parameterName: '', rest: new Map(), routes: new Map() };
}

/** An endpoint with the parameters its path carries. */
export interface Match {
  route: Route;
  pathParams: Record<string, string>;
}

/** Paths of all endpoints as a tree of segments. */
export class Router {
  readonly #root = emptyLevel();

  constructor(routes: readonly Route[]) {
    for (const route of routes) this.#add(route);
  }

  find(method: string, path: string): Match | undefined {
    const segments = path.split('/').filter((segment) => segment !== '');
    const pathParams: Record<string, string> = {};
    let level = this.#root;
    for (const [index, segment] of segments.entries()) {
      const fixed = level.fixed.get(segment);
      const rest = level.rest.get(method);
      if (fixed !== undefined) level = fixed;
      else if (rest !== undefined) {
        pathParams[rest.name] = decode(segments.slice(index).join('/'));
        return { route: rest.route, pathParams };
      } else if (level.parameter !== undefined) {
        pathParams[level.parameterName] = decode(segment);
        level = level.parameter;
      } else return undefined;
    }
    const route = level.routes.get(method);
    return route === undefined ? undefined : { route, pathParams };
  }

  #add(route: Route): void {
    let level = this.#root;
    for (const segment of route.path.split('/').filter((part) => part !== '')) {
      const parameter = /^\{(\w+)(\*?)\}$/.exec(segment);
      if (parameter?.[2] === '*') {
        level.rest.set(route.method, { name: parameter[1] ?? '', route });
        return;
      }
      level = parameter === null ? fixedChild(level, segment) : parameterChild(level, parameter[1] ?? '');
    }
    level.routes.set(route.method, route);
  }
}

function fixedChild(level: Level, segment: string): Level {
  const child = level.fixed.get(segment) ?? emptyLevel();
  level.fixed.set(segment, child);
  return child;
}

function parameterChild(level: Level, name: string): Level {
  level.parameter ??= emptyLevel();
  level.parameterName = name;
  return level.parameter;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
