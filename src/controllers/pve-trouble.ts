// Translates an error of the Proxmox client into the operator's own classes, with a reason and a sentence for people.
import type { Reason } from '../api/conditions.ts';
import { DefectError, StalledError, TransientError, UnknownOutcomeError, WaitingError } from '../errors.ts';
import { classifyPveError, PveError, type PveErrorKind } from '../pve/errors.ts';
import { PveParameterError } from '../pve/parameters.ts';

const LOCK_RECHECK_MS = 5_000;

/** What is put right in Proxmox VE itself changes no object here: it is asked for again sooner. A 401 costs three seconds. */
const RECHECK_MS: Partial<Record<PveErrorKind, number>> = {
  unauthorized: 60_000,
  forbidden: 60_000,
  'no-space': 60_000,
};

const REASONS: Readonly<Record<PveErrorKind, Reason>> = {
  unreachable: 'ClusterUnreachable',
  timeout: 'ClusterUnreachable',
  unauthorized: 'Unauthorized',
  forbidden: 'Forbidden',
  'not-found': 'Retrying',
  locked: 'WaitingForLock',
  exists: 'Retrying',
  conflict: 'Retrying',
  'schema-rejected': 'Refused',
  'task-failed': 'TaskFailed',
  'no-space': 'NoSpace',
  'no-quorum': 'WaitingForQuorum',
  refused: 'Refused',
  unreadable: 'InternalError',
  certificate: 'CertificateInvalid',
};

/** The reason a condition shows for an error of this kind. */
export function reasonOfPveError(error: PveError): Reason {
  return REASONS[error.kind];
}

/** An error of a Proxmox call as one of the five classes; any other error is handed back as it is. */
export function pveTrouble(error: unknown, clusterName: string): unknown {
  if (error instanceof PveParameterError) {
    return new StalledError('Refused', `Nothing was sent to cluster ${clusterName}: ${error.message}`, {
      cause: error,
    });
  }
  if (!(error instanceof PveError)) return error;
  const reason = reasonOfPveError(error);
  const message = sentenceOf(error, clusterName);
  switch (classifyPveError(error)) {
    case 'unknown':
      return new UnknownOutcomeError(
        `A call to cluster ${clusterName} got no answer (${error.call}); what happened is being looked up.`,
        { cause: error },
      );
    case 'transient':
      return new TransientError(message, { cause: error, reason, refused: true });
    case 'waiting':
      return new WaitingError(reason, message, LOCK_RECHECK_MS);
    case 'stalled':
      return new StalledError(reason, message, { cause: error, recheckMs: RECHECK_MS[error.kind] });
    case 'defect':
      return new DefectError(message, { cause: error });
    default:
      return error;
  }
}

/** A task that failed, with its last lines: tried again with growing pauses unless it is plain that only a person can help. */
export function taskTrouble(error: PveError, clusterName: string): Error {
  const message = sentenceOf(error, clusterName);
  if (error.kind === 'no-space' || error.kind === 'forbidden')
    return new StalledError(reasonOfPveError(error), message, { cause: error });
  if (error.kind === 'locked' || error.kind === 'no-quorum')
    return new WaitingError(reasonOfPveError(error), message, LOCK_RECHECK_MS);
  return new TransientError(message, { cause: error, reason: 'TaskFailed' });
}

function sentenceOf(error: PveError, clusterName: string): string {
  if (error.kind === 'forbidden') return forbiddenSentence(error, clusterName);
  if (error.kind === 'unauthorized')
    return `Cluster ${clusterName} does not accept the API token (${error.detail}). Correct the token in the Secret.`;
  if (error.kind === 'unreachable' || error.kind === 'timeout')
    return `Cluster ${clusterName} does not answer: ${error.detail}`;
  const fields = Object.entries(error.fields ?? {}).map(([field, text]) => `${field}: ${text}`);
  return `Cluster ${clusterName}: ${[error.detail, ...fields].join('; ')} (${error.call})`;
}

function forbiddenSentence(error: PveError, clusterName: string): string {
  const missing = (error.privilege ?? []).map(({ path, privilege }) =>
    path === undefined ? privilege : `${privilege} on ${path}`,
  );
  const what = missing.length === 0 ? error.detail : missing.join(' or ');
  return `The API token of cluster ${clusterName} lacks a privilege: ${what}. Grant it in Proxmox VE.`;
}
