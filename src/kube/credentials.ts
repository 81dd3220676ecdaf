// Answers for who we are to the API server: headers and TLS material from the kubeconfig, refreshed without a restart.
import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from './clock.ts';

/** What a request needs besides its own content. */
export interface Credentials {
  headers: Record<string, string>;
  tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'passphrase' | 'pfx' | 'rejectUnauthorized' | 'servername'>;
  /** Changes when the TLS material changes: connections made with the old one are then left. */
  tlsFingerprint: string;
}

/** Hands out credentials. */
export interface CredentialSource {
  current(): Promise<Credentials>;
  /** The server did not accept the last ones; the next `current` reads them anew. */
  invalidate(): void;
}

/** Files and exec plugins are asked this often; a rotated token is used within this time. */
const freshForMs = 10_000;

/** Reads credentials through the client library, which knows files, exec plugins and OIDC. */
export function createCredentialSource(kubeConfig: KubeConfig, clock: Clock): CredentialSource {
  let cached: { credentials: Promise<Credentials>; readAt: number } | undefined;
  return {
    current() {
      if (cached === undefined || clock.monotonic() - cached.readAt > freshForMs) {
        const entry = { credentials: readCredentials(kubeConfig), readAt: clock.monotonic() };
        cached = entry;
        entry.credentials.catch(() => {
          if (cached === entry) cached = undefined;
        });
      }
      return cached.credentials;
    },
    invalidate() {
      cached = undefined;
    },
  };
}

/**
 * applyToHTTPSOptions is used, not applySecurityAuthentication: the latter builds a connection pool for every call
 * (https://github.com/kubernetes-client/javascript/issues/2160), the former only fills in options and keeps one agent.
 */
async function readCredentials(kubeConfig: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = {};
  await kubeConfig.applyToHTTPSOptions(options);
  const { ca, cert, key, passphrase, pfx, rejectUnauthorized, servername } = options;
  const tls = { ca, cert, key, passphrase, pfx, rejectUnauthorized, servername };
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value !== undefined) headers[name] = String(value).trim();
  }
  if (options.auth) headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  return { headers, tls, tlsFingerprint: fingerprint(tls) };
}

function fingerprint(tls: Credentials['tls']): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify(tls));
  return hash.digest('hex');
}
