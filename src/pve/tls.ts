// Answers for whether the server behind a connection is the one that was meant, before anything is sent to it.
import type { TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';

export interface TlsTrust {
  /** PEM certificates that the server's must descend from; the system's when neither is given. */
  readonly caBundle?: string;
  /** SHA-256 of the server's own certificate, as Proxmox's interface shows it. Replaces the check of issuer and name. */
  readonly fingerprint?: string;
}

/** The connection could not be made: nothing has been sent. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  readonly code = 'PVE_CONNECT';
  readonly reason: 'unreachable' | 'timeout' | 'certificate';

  constructor(reason: ConnectError['reason'], message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

const SHA256 = /^[0-9A-F]{64}$/;

/** The fingerprint in the notation of Node and Proxmox, or undefined when it is no SHA-256. */
export function normalFingerprint(text: string): string | undefined {
  const digits = text
    .replace(/^sha-?256[:=]/i, '')
    .replace(/[:\s]/g, '')
    .toUpperCase();
  return SHA256.test(digits) ? (digits.match(/../g) ?? []).join(':') : undefined;
}

/** A connector for undici that hands out a connection only when its certificate is trusted. */
export function trustingConnector(trust: TlsTrust, timeoutMs: number): buildConnector.connector {
  const expected = trust.fingerprint === undefined ? undefined : normalFingerprint(trust.fingerprint);
  if (trust.fingerprint !== undefined && expected === undefined) {
    throw new TypeError('The fingerprint is no SHA-256: 64 hexadecimal digits are needed.');
  }
  const connect = buildConnector({
    allowH2: false,
    timeout: timeoutMs,
    // The check below replaces Node's, which would not tell what certificate it has seen.
    rejectUnauthorized: false,
    // A resumed session skips the check of the host name.
    maxCachedSessions: 0,
    ...(trust.caBundle === undefined ? {} : { ca: trust.caBundle }),
  });
  return (options, callback) => {
    connect(options, (error, socket) => {
      if (error !== null) return callback(connectErrorFrom(error, options.hostname), null);
      const problem = certificateProblem(socket as TLSSocket, expected, trust.caBundle !== undefined);
      if (problem === undefined) return callback(null, socket);
      socket.destroy();
      return callback(new ConnectError('certificate', problem), null);
    });
  };
}

function certificateProblem(socket: TLSSocket, expected: string | undefined, hasCa: boolean): string | undefined {
  const presented = socket.getPeerCertificate().fingerprint256 ?? 'none';
  if (expected !== undefined && presented !== expected) {
    return `The server's certificate has the SHA-256 fingerprint ${presented}, expected is ${expected}`;
  }
  // A pinned certificate needs no issuer; with both given, both must agree.
  if (socket.authorized || (expected !== undefined && !hasCa)) return undefined;
  const reason = String(socket.authorizationError ?? 'unknown reason');
  const anchor = hasCa ? 'the given CA' : "the system's CAs";
  return `The server's certificate with the SHA-256 fingerprint ${presented} is not trusted by ${anchor}: ${reason}`;
}

function connectErrorFrom(error: Error & { code?: string }, host: string): ConnectError {
  const code = error.code ?? error.name;
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') {
    return new ConnectError('timeout', `${host} did not accept a connection in time`, error);
  }
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return new ConnectError('certificate', `${host} does not speak TLS as expected: ${code}`, error);
  }
  return new ConnectError('unreachable', `${host} cannot be reached: ${code}`, error);
}
