// Compares our parameter tables with the official schema of Proxmox VE 9.2, where it is at hand.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { routes } from '../api/routes.ts';
import type { Parameter, ParameterTable } from './parameter.ts';

const file = fileURLToPath(new URL('../../../../shared/pve/schema-9.2.json', import.meta.url));
const available = existsSync(file);
if (!available) process.stderr.write(`skipped: no schema at ${file}\n`);

interface Official {
  type?: string;
  optional?: number;
  minimum?: number | string;
  maximum?: number | string;
  maxLength?: number;
  minLength?: number;
  enum?: string[];
  requires?: string;
  format?: unknown;
  alias?: string;
}
interface Endpoint {
  parameters: { properties?: Record<string, Official> };
  proxyto?: string;
  allowtoken?: number;
}

const schema: Record<string, Endpoint> = available
  ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Endpoint>)
  : {};
const served = new Map(routes.map((route) => [`${route.method} ${route.path.replaceAll('*', '')}`, route]));
const common = Object.keys(schema).filter((endpoint) => served.has(endpoint));

function facts(parameter: Official): unknown {
  const { type, minimum, maximum, minLength, maxLength, requires } = parameter;
  const number = (value: number | string | undefined): number | undefined =>
    value === undefined ? undefined : Number(value);
  return {
    type,
    required: parameter.optional !== 1,
    min: number(minimum),
    max: number(maximum),
    minLength,
    maxLength,
    enum: parameter.enum?.toSorted(),
    requires,
  };
}

function ours(parameter: Parameter): unknown {
  const { type, required, min, max, minLength, maxLength, requires } = parameter;
  return {
    type,
    required: required === true,
    min,
    max,
    minLength,
    maxLength,
    enum: parameter.enum?.toSorted(),
    requires,
  };
}

describe.skipIf(!available)('parameters of the official schema', () => {
  it('serves the endpoints the operator uses', () => {
    const missing = Object.keys(schema).filter((endpoint) => !served.has(endpoint));
    expect(missing).toEqual([]);
  });

  it.each(common)('%s', (endpoint) => {
    const official = schema[endpoint]?.parameters.properties ?? {};
    const table: ParameterTable = served.get(endpoint)?.parameters ?? {};
    expect(Object.keys(table).toSorted()).toEqual(Object.keys(official).toSorted());
    for (const [name, parameter] of Object.entries(official))
      expect({ [name]: ours(table[name] as Parameter) }).toEqual({ [name]: facts(parameter) });
  });
});
