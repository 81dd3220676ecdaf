// Tables of API calls for the simulator's own tests: a state, a call, and what Proxmox VE answers to it.
import { expect } from 'vitest';
import { Lab } from '../testing.ts';
import type { Reply } from '../testing.ts';

/** A token of root, which passes every privilege check but is not root itself. */
export const rootToken = 'PVEAPIToken=root@pam!all=s';

/** `PUT qemu/100/config` is below `/nodes/pve1/`, `GET /version` is below the root; then the parameters. */
export type ApiCall = readonly [what: string, params?: Record<string, unknown>];

/** What brings a cluster into a state: calls whose tasks must succeed, and steps behind the API. */
export type Given = readonly (ApiCall | ((lab: Lab) => unknown))[];

/** An answer or a task's end that a row expects. */
export interface CallRow {
  /** The claim, with where it was seen. */
  name: string;
  given?: Given;
  call: ApiCall;
  /** An exit status when it is text, otherwise part of the answer. */
  want: string | RegExp | Partial<Reply>;
}

/** The demo cluster with a token of root. */
export function demoLab(): Lab {
  const lab = new Lab();
  lab.simulator.world.access.tokens.set('root@pam!all', {
    id: 'root@pam!all',
    secret: 's',
    privilegeSeparation: false,
  });
  return lab;
}

/** The demo cluster with VM 100, a stopped linked clone on shared storage, and then some. */
export async function labWith(...given: Given): Promise<Lab> {
  const lab = demoLab();
  await bring(lab, [['POST qemu/9000/clone', { newid: 100, name: 'web1' }], ...given]);
  return lab;
}

/** Starts VM 100 and waits until its guest is up. */
export const started: Given = [['POST qemu/100/status/start'], (lab) => lab.clock.advance(10_000)];

/** Plays the steps one after the other; what fails here is a mistake of the test. */
export async function bring(lab: Lab, given: Given): Promise<void> {
  for (const step of given) {
    if (typeof step === 'function') await step(lab);
    else await mustPass(lab, step);
  }
}

async function mustPass(lab: Lab, call: ApiCall): Promise<void> {
  const reply = await ask(lab, call);
  const trouble = reply.status === 200 ? undefined : `${reply.status} ${reply.reason} ${JSON.stringify(reply.errors)}`;
  const exit = typeof reply.data === 'string' && reply.data.startsWith('UPID:') ? await exitOf(lab, reply) : 'OK';
  if (trouble !== undefined || exit !== 'OK') throw new Error(`${call[0]}: ${trouble ?? exit}`);
}

async function exitOf(lab: Lab, reply: Reply): Promise<string> {
  const task = lab.taskOf(reply);
  await lab.clock.runUntil(task.done);
  return task.status ?? 'running';
}

function methodAndPath(what: string): [method: string, path: string] {
  const [method = '', path = ''] = what.split(' ');
  return [method, path.startsWith('/') ? path : `/nodes/pve1/${path}`];
}

/** Plays a call as root's token, or as somebody else. */
export function ask(lab: Lab, [what, params]: ApiCall, authorization = rootToken): Promise<Reply> {
  return lab.call(...methodAndPath(what), params, authorization);
}

/** Sends a call without moving time on. */
export function send(lab: Lab, [what, params]: ApiCall): Promise<Reply> {
  return lab.send(...methodAndPath(what), params, rootToken);
}

/** The data of an answer that must be 200. */
export async function read(lab: Lab, ...call: ApiCall): Promise<unknown> {
  const reply = await ask(lab, call);
  if (reply.status !== 200) throw new Error(`${call[0]}: ${reply.status} ${reply.reason}`);
  return reply.data;
}

/** The configuration of a VM on the first node. */
export async function configOf(lab: Lab, vmid = 100): Promise<Record<string, unknown>> {
  return (await read(lab, `GET qemu/${vmid}/config`)) as Record<string, unknown>;
}

/** Exit status and log of the task a call starts. */
export async function taskEnd(lab: Lab, call: ApiCall): Promise<{ exit: string; log: readonly string[] }> {
  const reply = await ask(lab, call);
  return { exit: await exitOf(lab, reply), log: lab.taskOf(reply).log };
}

/** Plays a row's call and compares: an exit status in full, an answer as far as the row tells it. */
export async function checkRow(lab: Lab, { call, want }: Pick<CallRow, 'call' | 'want'>): Promise<void> {
  if (typeof want === 'string') expect((await taskEnd(lab, call)).exit).toBe(want);
  else if (want instanceof RegExp) expect((await taskEnd(lab, call)).exit).toMatch(want);
  else expect(await ask(lab, call)).toMatchObject(want);
}

/** A 500 with that text. */
export function fails(reason: string): Partial<Reply> {
  return { status: 500, reason };
}

/** A 400 with a text for each of those parameters. */
export function refuses(errors: Record<string, string>): Partial<Reply> {
  return { status: 400, reason: 'Parameter verification failed.', errors };
}

/** A 403; without detail the server names neither path nor privilege. */
export function forbids(detail?: string): Partial<Reply> {
  return {
    status: 403,
    reason: detail === undefined ? 'Permission check failed' : `Permission check failed (${detail})`,
  };
}

/** A 200 with that data. */
export function answers(data: unknown): Partial<Reply> {
  return { status: 200, data };
}
