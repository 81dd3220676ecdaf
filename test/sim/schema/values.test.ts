// Sends every parameter of the official schemas once with good and with bad values and looks at what is refused.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { endpointOf } from '../api/release-routes.ts';
import type { Route } from '../api/route.ts';
import { routes } from '../api/routes.ts';
import { VirtualClock } from '../clock.ts';
import { Dispatcher } from '../http/dispatcher.ts';
import { buildWorld } from '../state/build-world.ts';
import { parseTopology } from '../topology.ts';
import { officialSchema } from './official.ts';
import type { OfficialEndpoint, OfficialParameter } from './official.ts';
import { releases } from './release.ts';
import type { Release } from './release.ts';
import { samplesOf } from './sample-values.ts';

const schemas = releases.map((release) => officialSchema(release) ?? {});
const authorization = 'PVEAPIToken=root@pam!test=secret';

/** The API of a release up to and including verification: no endpoint's own code runs. */
function verifierOf(release: Release): Dispatcher {
  const demo = JSON.parse(readFileSync(new URL('../topologies/demo.json', import.meta.url), 'utf8')) as object;
  const topology = parseTopology({
    ...demo,
    version: { release, version: `${release}.1`, repoid: '0' },
    tokens: [{ id: 'root@pam!test', secret: 'secret', privilegeSeparation: false }],
  });
  const inert = routes.map((route): Route => {
    const copy: Route = { ...route, permission: 'world', run: () => null };
    delete copy.proxied;
    return copy;
  });
  return new Dispatcher(buildWorld(topology, new VirtualClock(), 1), inert, 0);
}

type Values = Record<string, string>;

/** An endpoint of a release that can be called with any values. */
class Subject {
  readonly #dispatcher: Dispatcher;
  readonly #method: string;
  readonly #path: string;
  readonly #usesToken: boolean;
  readonly parameters: ReadonlyMap<string, OfficialParameter>;

  constructor(dispatcher: Dispatcher, endpoint: string, official: OfficialEndpoint) {
    this.#dispatcher = dispatcher;
    [this.#method = '', this.#path = ''] = endpoint.split(' ');
    this.#usesToken = official.allowtoken !== 0;
    const named = Object.entries(official.parameters.properties ?? {});
    this.parameters = new Map(named.map(([name, parameter]) => [name.replace('[n]', '0'), parameter]));
  }

  isInPath(name: string): boolean {
    return this.#path.includes(`{${name}}`);
  }

  /** What must be given for the call to pass, with one parameter as it is to be tried. */
  valuesWith(name: string, value: string | undefined): Values {
    const values: Values = {};
    const give = (needed: string): void => {
      if (values[needed] !== undefined) return;
      const parameter = this.parameters.get(needed) ?? {};
      values[needed] = samplesOf(parameter, needed).good[0] ?? '';
      if (parameter.requires !== undefined) give(parameter.requires);
    };
    for (const [other, { optional }] of this.parameters) if (optional !== 1 || this.isInPath(other)) give(other);
    const { requires } = this.parameters.get(name) ?? {};
    if (requires !== undefined && value !== undefined) give(requires);
    if (value === undefined) delete values[name];
    else values[name] = value;
    return values;
  }

  /** Sends the values and answers what was wrong with each parameter; nothing when all were taken. */
  async complaints(values: Values): Promise<Record<string, string>> {
    const params: Values = {};
    let path = this.#path;
    for (const [name, value] of Object.entries(values)) {
      if (this.isInPath(name)) path = path.replace(`{${name}}`, encodeURIComponent(value));
      else params[name] = value;
    }
    const answer = await this.#dispatcher.answer({
      node: 'pve1',
      method: this.#method,
      path,
      params,
      authorization: this.#usesToken ? authorization : undefined,
      websocket: false,
    });
    const body = JSON.parse(answer.body) as { errors?: Record<string, string> };
    expect({ status: answer.status, reason: answer.reason }).toEqual(
      body.errors === undefined
        ? { status: 200, reason: 'OK' }
        : { status: 400, reason: 'Parameter verification failed.' },
    );
    return body.errors ?? {};
  }
}

async function tryParameter(subject: Subject, name: string, parameter: OfficialParameter): Promise<void> {
  const { good, bad } = samplesOf(parameter, name);
  // An empty segment would be another path.
  const possible = (value: string): boolean => value !== '' || !subject.isInPath(name);
  for (const value of good.filter((one) => possible(one))) {
    const found = await subject.complaints(subject.valuesWith(name, value));
    expect({ name, value, found }).toEqual({ name, value, found: {} });
  }
  for (const { value, complaint } of bad.filter((one) => possible(one.value))) {
    const found = await subject.complaints(subject.valuesWith(name, value));
    expect({ name, value, found }).toEqual({ name, value, found: { [name]: complaint ?? expect.any(String) } });
  }
}

async function tryWithout(subject: Subject, name: string, { optional, requires }: OfficialParameter): Promise<void> {
  if (optional !== 1 && !subject.isInPath(name)) {
    const found = await subject.complaints(subject.valuesWith(name, undefined));
    expect(found).toMatchObject({ [name]: 'property is missing and it is not optional' });
  }
  if (requires !== undefined && subject.parameters.get(requires)?.optional === 1) {
    const { [requires]: _, ...values } = subject.valuesWith(name, samplesOf({ optional: 1 }, name).good[0]);
    const found = await subject.complaints(values);
    expect(found).toMatchObject({ [requires]: `missing property required by '${name}'` });
  }
}

const unknown = 'property is not defined in schema and the schema does not allow additional properties';

/** Parameters the endpoint has in any release. */
function namesElsewhere(endpoint: string): string[] {
  const tables = schemas.map((schema) => schema[endpoint]?.parameters.properties ?? {});
  return [...new Set(tables.flatMap((table) => Object.keys(table)))].map((name) => name.replace('[n]', '0'));
}

describe.each(releases)('values against the official schema of %s', (release) => {
  const schema = schemas[releases.indexOf(release)] ?? {};
  const dispatcher = verifierOf(release);
  const served = new Set(routes.map((route) => endpointOf(route)));

  it.each(Object.entries(schema).filter(([endpoint]) => served.has(endpoint)))('%s', async (endpoint, official) => {
    const subject = new Subject(dispatcher, endpoint, official);
    for (const [name, parameter] of subject.parameters) {
      await tryParameter(subject, name, parameter);
      await tryWithout(subject, name, parameter);
    }
    for (const name of [
      'no-such-parameter',
      ...namesElsewhere(endpoint).filter((one) => !subject.parameters.has(one)),
    ]) {
      const found = await subject.complaints({ ...subject.valuesWith('', undefined), [name]: '1' });
      expect(found).toEqual({ [name]: unknown });
    }
  });
});
