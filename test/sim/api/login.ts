// Logging in with a password. The simulator has tokens only, so every password is wrong.
import { ApiError } from '../errors.ts';
import { flag, formatted, required, text } from '../schema/parameter.ts';
import type { Route } from './route.ts';

/** How long a wrong password takes. */
const delayMs = 3000;

export const loginRoutes: Route[] = [
  {
    method: 'POST',
    path: '/access/ticket',
    permission: 'world',
    noToken: true,
    parameters: {
      username: required(text({ maxLength: 64 })),
      password: required(text()),
      realm: formatted('pve-realm', { maxLength: 32 }),
      otp: text(),
      path: text({ maxLength: 64, requires: 'privs' }),
      privs: formatted('pve-priv-list', { maxLength: 64, requires: 'path' }),
      'new-format': flag(),
      'tfa-challenge': text(),
    },
    run: async (call) => {
      await call.world.clock.sleep(delayMs);
      throw new ApiError(401, 'authentication failure');
    },
  },
];
