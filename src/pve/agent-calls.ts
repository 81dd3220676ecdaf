// Answers for the calls to the agent in a VM's guest.
import { answers } from './answers.ts';
import type { PveApi } from './client.ts';
import { isAgentSilence, PveError } from './errors.ts';
import { printParameters } from './parameters.ts';
import type { Sender } from './sender.ts';

export function agentCalls(send: Sender): Pick<PveApi, 'agentPing' | 'setUserPassword'> {
  return {
    agentPing: async (vm) => {
      const refusal = send('POST /nodes/{node}/qemu/{vmid}/agent/ping', answers.agentRefusal, { path: { ...vm } });
      return refusal.then(
        (text) => text === undefined,
        (error: unknown) => {
          if (error instanceof PveError && isAgentSilence(error)) return false;
          throw error;
        },
      );
    },
    setUserPassword: async (vm, { username, password }) => {
      const call = 'POST /nodes/{node}/qemu/{vmid}/agent/set-user-password';
      const parameters = printParameters(call, { username, password });
      const refusal = await send(call, answers.agentRefusal, { path: { ...vm }, parameters }).catch(
        (error: unknown) => {
          throw withoutPassword(error, password);
        },
      );
      if (refusal === undefined) return;
      // Newer Proxmox turns the agent's refusals into errors; other commands answer them with 200.
      const detail = `Agent error: ${refusal}`;
      throw withoutPassword(new PveError({ kind: 'refused', call, status: 200, detail }), password);
    },
  };
}

// The guest's own words come with the error, and a guest could repeat what it was given.
function withoutPassword(error: unknown, password: string): unknown {
  const isIn = (text: string): boolean => withoutBlanks(text).includes(withoutBlanks(password));
  if (!(error instanceof PveError) || !isIn(error.message)) return error;
  const { kind, call, status, maybeApplied } = error;
  return new PveError({
    kind,
    call,
    status,
    maybeApplied,
    detail: 'The refusal repeats the password and is not shown',
  });
}

// Error texts have their blanks run together.
function withoutBlanks(text: string): string {
  return text.replace(/\s/g, '');
}
