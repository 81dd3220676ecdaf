// Answers for network card strings ('virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=7').
import {
  parsePropertyBoolean,
  parsePropertyNumber,
  parsePropertyString,
  printPropertyString,
  PropertyStringError,
} from './property-string.ts';

export interface Nic {
  /** For example `virtio`. */
  readonly model: string;
  /** In the case in which it was given. A write without it makes Proxmox draw a new one. */
  readonly mac?: string;
  readonly bridge?: string;
  /** VLAN, 1–4094. */
  readonly tag?: number;
  /** MB/s, fractions allowed. */
  readonly rate?: number;
  readonly firewall: boolean;
  /** Every other property (mtu, queues, link_down, trunks, …), kept as it came. */
  readonly options: ReadonlyMap<string, string>;
}

const MODELS = new Set(
  ['virtio', 'vmxnet3', 'rtl8139', 'ne2k_pci', 'ne2k_isa', 'pcnet', 'i82551', 'i82557b', 'i82559er'].concat([
    'e1000',
    'e1000-82540em',
    'e1000-82544gc',
    'e1000-82545em',
    'e1000e',
  ]),
);

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;

const OWN_KEYS = new Set(['model', 'macaddr', 'bridge', 'tag', 'rate', 'firewall']);

export function parseNic(text: string): Nic {
  const properties = parsePropertyString(text, { defaultKey: 'model' });
  const { model, mac } = modelOf(properties);
  const tag = properties.get('tag');
  const rate = properties.get('rate');
  const bridge = properties.get('bridge');
  return {
    model,
    ...(mac === undefined ? {} : { mac }),
    ...(bridge === undefined ? {} : { bridge }),
    ...(tag === undefined ? {} : { tag: parsePropertyNumber(tag) }),
    ...(rate === undefined ? {} : { rate: parsePropertyNumber(rate) }),
    firewall: parsePropertyBoolean(properties.get('firewall') ?? '0'),
    options: new Map([...properties].filter(([key]) => !OWN_KEYS.has(key) && !MODELS.has(key))),
  };
}

// The model is either a key whose value is the MAC (what Proxmox writes) or a value of its own.
function modelOf(properties: ReadonlyMap<string, string>): { model: string; mac?: string } {
  for (const [key, value] of properties) {
    if (MODELS.has(key)) return { model: key, mac: checkedMac(value) };
  }
  const model = properties.get('model');
  if (model === undefined) throw new PropertyStringError('The network card has no model.');
  const mac = properties.get('macaddr');
  return mac === undefined ? { model } : { model, mac: checkedMac(mac) };
}

/** The string as Proxmox itself prints it: model and MAC, then the other keys by name. */
export function printNic(nic: Nic): string {
  const rest = new Map(nic.options);
  if (nic.bridge !== undefined) rest.set('bridge', nic.bridge);
  if (nic.firewall) rest.set('firewall', '1');
  if (nic.rate !== undefined) rest.set('rate', String(checkedRate(nic.rate)));
  if (nic.tag !== undefined) rest.set('tag', String(checkedTag(nic.tag)));
  if (!MODELS.has(nic.model))
    throw new PropertyStringError(`The network card model ${JSON.stringify(nic.model)} is not known.`);
  const first: [string, string] = nic.mac === undefined ? ['model', nic.model] : [nic.model, checkedMac(nic.mac)];
  const named = [...rest].sort(([left], [right]) => (left < right ? -1 : 1));
  return printPropertyString([first, ...named], { defaultKey: 'model' });
}

function checkedMac(mac: string): string {
  if (!MAC.test(mac))
    throw new PropertyStringError(`The MAC address ${JSON.stringify(mac.slice(0, 40))} cannot be read.`);
  return mac;
}

function checkedTag(tag: number): number {
  if (!Number.isInteger(tag) || tag < 1 || tag > 4094)
    throw new PropertyStringError(`The VLAN must be 1 to 4094, not ${tag}.`);
  return tag;
}

function checkedRate(rate: number): number {
  if (!Number.isFinite(rate) || rate < 0) throw new PropertyStringError(`The rate must not be ${rate}.`);
  return rate;
}
