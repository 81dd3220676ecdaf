// The network interfaces a guest has brought up, as its agent tells them.
import { parseNet } from './drive.ts';
import type { Options } from './vm.ts';

interface Address {
  'ip-address': string;
  'ip-address-type': 'ipv4' | 'ipv6';
  prefix: number;
}

/** Bytes since the guest started. */
interface Traffic {
  netIn: number;
  netOut: number;
}

/** The loopback and each card with the addresses of its cloud-init data; not every guest takes static IPv6 from it. */
export function guestInterfaces(options: Options, traffic: Traffic, takesIpv6: boolean): unknown[] {
  const loopback = {
    name: 'lo',
    'hardware-address': '00:00:00:00:00:00',
    'ip-addresses': [address('127.0.0.1/8'), address('::1/128')],
    statistics: statistics({ netIn: 0, netOut: 0 }),
  };
  const cards = Object.entries(options).filter(([key]) => /^net\d+$/.test(key));
  return [
    loopback,
    ...cards.map(([key, text]) => {
      const number = key.slice(3);
      const mac = parseNet(text)?.['macaddr']?.toLowerCase() ?? '';
      return {
        name: `eth${number}`,
        'hardware-address': mac,
        'ip-addresses': [...given(options[`ipconfig${number}`] ?? '', takesIpv6), address(`${linkLocal(mac)}/64`)],
        statistics: statistics(traffic),
      };
    }),
  ];
}

/** Static addresses of an `ipconfigN`; what a server would lease nobody knows here. */
function given(ipconfig: string, takesIpv6: boolean): Address[] {
  const parts = Object.fromEntries(ipconfig.split(',').map((part) => part.split('=')));
  const found = [parts['ip'], takesIpv6 ? parts['ip6'] : undefined].filter((text) =>
    /^[\da-f.:]+\/\d+$/i.test(text ?? ''),
  );
  return found.map((text) => address(String(text)));
}

function address(text: string): Address {
  const [ip = '', prefix] = text.split('/');
  return { 'ip-address': ip, 'ip-address-type': ip.includes(':') ? 'ipv6' : 'ipv4', prefix: Number(prefix) };
}

/** The address every interface gives itself, made from its MAC (RFC 4291, appendix A). */
function linkLocal(mac: string): string {
  const bytes = mac.split(':').map((part) => parseInt(part, 16));
  const [first = 0, second = 0, third = 0, ...rest] = bytes;
  const id = [first ^ 2, second, third, 0xff, 0xfe, ...rest];
  const groups = [0, 2, 4, 6].map((at) => (((id[at] ?? 0) << 8) | (id[at + 1] ?? 0)).toString(16));
  return `fe80::${groups.join(':').replace(/^(?:0:)+/, '')}`;
}

function statistics({ netIn, netOut }: Traffic): Record<string, number> {
  return {
    'rx-bytes': netIn,
    'rx-packets': Math.ceil(netIn / 1000),
    'rx-errs': 0,
    'rx-dropped': 0,
    'tx-bytes': netOut,
    'tx-packets': Math.ceil(netOut / 1000),
    'tx-errs': 0,
    'tx-dropped': 0,
  };
}
