// Options of the datacenter.
import { datacenterFormats, registeredTags } from '../schema/datacenter-formats.ts';
import { splitList } from '../schema/formats.ts';
import { configIdList, formatted, integer, oneOf, text } from '../schema/parameter.ts';
import type { ParameterTable } from '../schema/parameter.ts';
import { keyboards } from '../schema/vm-options.ts';
import { underClusterLock } from './cluster-lock.ts';
import { may, needs, textOf } from './route.ts';
import type { Call, Route } from './route.ts';

const languages = [
  'ar',
  'ca',
  'da',
  'de',
  'en',
  'es',
  'eu',
  'fa',
  'fr',
  'hr',
  'he',
  'it',
  'ja',
  'ka',
  'kr',
  'nb',
  'nl',
  'nn',
  'pl',
  'pt_BR',
  'ru',
  'sl',
  'sv',
  'tr',
  'ukr',
  'zh_CN',
  'zh_TW',
];

const options: ParameterTable = {
  ...Object.fromEntries(Object.entries(datacenterFormats).map(([name, format]) => [name, formatted(format)] as const)),
  'consent-text': text({ maxLength: 65536 }),
  console: oneOf('applet', 'vv', 'html5', 'xtermjs'),
  description: text({ maxLength: 65536 }),
  email_from: formatted('email-opt'),
  fencing: oneOf('watchdog', 'hardware', 'both'),
  http_proxy: text({ pattern: /http:\/\/.*/ }),
  keyboard: oneOf(...keyboards),
  language: oneOf(...languages),
  mac_prefix: formatted('mac-prefix'),
  max_workers: integer(1),
  migration_unsecure: { type: 'boolean' },
  'registered-tags': text({ pattern: registeredTags }),
  delete: configIdList,
};

function change(call: Call): null {
  for (const key of splitList(textOf(call.params['delete']))) delete call.world.options[key];
  for (const [key, value] of Object.entries(call.params)) if (key !== 'delete') call.world.options[key] = value;
  return null;
}

/** Property strings taken apart, as the answer shows them. */
function shown(call: Call): Record<string, unknown> {
  const data: Record<string, unknown> = { 'allowed-tags': [] };
  if (!may(call, '/', 'Sys.Audit')) return data;
  data['description'] = '';
  for (const [key, value] of Object.entries(call.world.options)) {
    data[key] = Object.hasOwn(datacenterFormats, key)
      ? Object.fromEntries((value as string).split(',').map((part) => part.split('=') as [string, string]))
      : value;
  }
  return data;
}

export const clusterOptionRoutes: Route[] = [
  { method: 'GET', path: '/cluster/options', permission: 'all', parameters: {}, run: shown },
  {
    method: 'PUT',
    path: '/cluster/options',
    permission: needs('/', 'Sys.Modify'),
    parameters: options,
    run: underClusterLock({ lock: 'file-datacenter_cfg' }, change),
  },
];
