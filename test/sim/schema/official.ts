// Reads the official API schemas, which are test input only and may be absent.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One parameter or property-string key as the official schema describes it. */
export interface OfficialParameter {
  type?: string;
  /** 1 when it may be left out. */
  optional?: number;
  minimum?: number | string;
  maximum?: number | string;
  minLength?: number;
  maxLength?: number;
  enum?: string[];
  pattern?: string;
  requires?: string;
  /** A named format, or the keys of a property string. */
  format?: string | Record<string, OfficialParameter>;
  default?: unknown;
  alias?: string;
  keyAlias?: string;
  /** 1 when the key may be written without its name. */
  default_key?: number;
  items?: OfficialParameter;
}

/** One endpoint of the official schema. */
export interface OfficialEndpoint {
  parameters: { properties?: Record<string, OfficialParameter>; additionalProperties?: number };
  permissions?: { check?: unknown; user?: string };
  proxyto?: string;
  allowtoken?: number;
}

/** The parts of a schema file the tests look at, by `METHOD /path`. */
export type OfficialSchema = Readonly<Record<string, OfficialEndpoint>>;

/** The schema of that release; undefined, with a reason on standard error, when the file is not at hand. */
export function officialSchema(release: string): OfficialSchema | undefined {
  const file = fileURLToPath(new URL(`../../../../shared/pve/schema-${release}.json`, import.meta.url));
  if (!existsSync(file)) {
    process.stderr.write(`skipped: no schema of ${release} at ${file}\n`);
    return undefined;
  }
  return JSON.parse(readFileSync(file, 'utf8')) as OfficialSchema;
}
