// Downloads a file and checks it against a published checksum before anybody may use it.
import { createHash } from 'node:crypto';

/** A download failed: no network, a time-out, another answer than 200, or a wrong checksum. */
export class DownloadError extends Error {
  override name = 'DownloadError';
}

/** The body at `url`, following redirects. `timeoutMs` bounds the whole transfer. */
export async function download(url: string, timeoutMs: number): Promise<Buffer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) throw new DownloadError(`${url} answers ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  } catch (error) {
    if (error instanceof DownloadError) throw error;
    throw new DownloadError(`${new URL(url).host} cannot be reached`, { cause: error });
  }
}

/** A published checksum, in hex; text after the first blank (the file's name) is ignored. */
export interface Checksum {
  algorithm: 'sha256' | 'sha512';
  hex: string;
}

/** Throws DownloadError unless `content` has the published checksum. */
export function verifyChecksum(name: string, content: Uint8Array, published: Checksum): void {
  const actual = createHash(published.algorithm).update(content).digest('hex');
  if (actual !== published.hex.trim().split(/\s/)[0]?.toLowerCase()) {
    throw new DownloadError(`${name} does not have its published ${published.algorithm} checksum`);
  }
}
