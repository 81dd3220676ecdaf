// Waits until a server of the control plane says that it is ready.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from '../process/child.ts';

const pollMs = 40;
const answerTimeoutMs = 2000;

/** A server did not become ready in time. */
class NotReadyError extends Error {
  override name = 'NotReadyError';
}

/** What to ask, and how. */
export interface Probe {
  url: string;
  tls?: Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized'>;
  timeoutMs: number;
}

/** Resolves when `probe.url` answers 200; rejects when the child ends or the time is over. */
export async function untilReady(child: Child, probe: Probe): Promise<void> {
  const deadline = performance.now() + probe.timeoutMs;
  for (;;) {
    if ((await statusOf(probe)) === 200) return;
    const failure = child.failure();
    if (failure !== undefined) throw failure;
    if (performance.now() > deadline) {
      throw new NotReadyError(
        `${child.name} was not ready after ${probe.timeoutMs / 1000} s:\n${child.lastLines(15).join('\n')}`,
      );
    }
    await delay(pollMs);
  }
}

/** The status of one GET; 0 when there is no answer. */
function statusOf(probe: Probe): Promise<number> {
  return new Promise((done) => {
    const send = probe.url.startsWith('https:') ? httpsRequest : httpRequest;
    const request = send(probe.url, { ...probe.tls, agent: false, timeout: answerTimeoutMs }, (response) => {
      response.resume();
      done(response.statusCode ?? 0);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => done(0));
    request.end();
  });
}
