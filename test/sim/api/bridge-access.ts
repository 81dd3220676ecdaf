// The right to use the bridges network cards are attached to.
import { parseNet } from '../state/drive.ts';
import type { Options } from '../state/vm.ts';
import { requireAny } from './route.ts';
import type { Call } from './route.ts';

/** Throws the 403 for a card on a bridge (or VLAN of it) the caller may not use. */
export function requireBridgeAccess(call: Call, options: Options): void {
  for (const [key, value] of Object.entries(options)) {
    if (!/^net\d+$/.test(key)) continue;
    const { bridge, tag } = parseNet(value) ?? {};
    if (bridge === undefined) continue;
    const path = `/sdn/zones/localnetwork/${bridge}${tag === undefined ? '' : `/${tag}`}`;
    requireAny(call, path, ['SDN.Use']);
  }
}
