// Power: starting, stopping and restarting a VM that was seen to be ours.
import { type Handlers, ownRef, task } from './hands.ts';

export const POWER_HANDLERS: Handlers<'start' | 'shutdown' | 'stop' | 'reboot' | 'reset'> = {
  start: async ({ connection }, _action, facts) => task(await connection().api.start(ownRef(facts))),
  shutdown: async ({ connection }, { graceSeconds }, facts) =>
    task(await connection().api.shutdown(ownRef(facts), { timeoutSeconds: graceSeconds })),
  // A shutdown that is under way, whoever asked for it, holds the configuration's lock until its time is over.
  stop: async ({ connection }, _action, facts) =>
    task(await connection().api.stop(ownRef(facts), { overruleShutdown: true })),
  reboot: async ({ connection }, { graceSeconds }, facts) =>
    task(await connection().api.reboot(ownRef(facts), { timeoutSeconds: graceSeconds })),
  reset: async ({ connection }, _action, facts) => task(await connection().api.reset(ownRef(facts))),
};
