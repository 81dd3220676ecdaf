// What an endpoint is: its path, its permission, its parameters and its code.
import { forbidden } from '../errors.ts';
import type { ParameterTable, Parameters, ParameterValue } from '../schema/parameter.ts';
import type { Caller } from '../state/access.ts';
import type { World } from '../state/world.ts';

/** One call that has passed every check before the endpoint's own code. */
export interface Call {
  world: World;
  caller: Caller;
  params: Parameters;
  /** The node whose API daemon runs the code. */
  node: string;
  /** The request asks to become a websocket. */
  websocket: boolean;
}

/** Data with something beside it in the answer's body. */
export class Answer {
  readonly data: unknown;
  readonly beside: Record<string, unknown>;

  constructor(data: unknown, beside: Record<string, unknown>) {
    this.data = data;
    this.beside = beside;
  }
}

/** Data that is written already; answers that share it share its bytes. */
export class JsonText {
  /** The whole body. */
  readonly body: string;
  #bytes: Buffer | undefined;

  constructor(text: string) {
    this.body = `{"data":${text}}`;
  }

  get bytes(): Buffer {
    return (this.#bytes ??= Buffer.from(this.body));
  }
}

/** Who may call: anyone, anyone logged in, or whoever passes the check (which throws a 403). */
export type Permission = 'world' | 'all' | ((call: Call) => void);

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below /api2/json, with `{name}` for parameters; a last `{name*}` takes slashes too. */
  path: string;
  permission: Permission;
  parameters: ParameterTable;
  /** Runs on the node named in the path. */
  proxied?: true;
  /** API tokens may not call it. */
  noToken?: true;
  run(call: Call): unknown;
}

/** A check for one privilege or any of several; `{name}` in the path stands for a parameter. */
export function needs(path: string, ...privileges: string[]): Permission {
  return (call) => requireAny(call, fill(path, call.params), privileges);
}

/** Throws the 403 unless the caller has one of the privileges on the path. */
export function requireAny(call: Pick<Call, 'world' | 'caller'>, path: string, privileges: readonly string[]): void {
  if (!call.world.access.hasAny(call.caller, path, privileges)) throw forbidden(`${path}, ${privileges.join('|')}`);
}

export function may(call: Pick<Call, 'world' | 'caller'>, path: string, ...privileges: string[]): boolean {
  return call.world.access.hasAny(call.caller, path, privileges);
}

function fill(path: string, params: Parameters): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => String(params[name] ?? ''));
}

/** A text parameter that was given. */
export function textOf(value: ParameterValue | undefined): string {
  return value === undefined ? '' : String(value);
}

export function optionalText(value: ParameterValue | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}
