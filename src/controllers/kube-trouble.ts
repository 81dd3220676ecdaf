// Translates a failure of the Kubernetes API into the operator's own classes.
import { StalledError, TransientError } from '../errors.ts';
import { isConflict, isTooManyRequests, KubeError } from '../kube/errors.ts';

const SERVER_ERRORS = 500;

/** An error of a Kubernetes call as one of the five classes; any other error is handed back as it is. */
export function kubeTrouble(error: unknown): unknown {
  if (!(error instanceof KubeError)) return error;
  // Whether a write without an answer happened shows at the next look: every write here is a create under a fixed name or
  // conditional on a version.
  const { message } = error;
  const passes = error.status === 0 || error.status >= SERVER_ERRORS || isConflict(error) || isTooManyRequests(error);
  if (passes)
    return new TransientError('The Kubernetes API server did not carry out a call; it is tried again.', {
      cause: error,
    });
  const refusal = `The Kubernetes API server refuses a call: ${message}`.slice(0, 300);
  if (isBeginning(error)) return new TransientError(refusal, { cause: error, reason: 'Refused', refused: true });
  return new StalledError('Refused', refusal, { cause: error });
}

// A server that has just started knows neither roles nor accounts for a moment and refuses everything.
function isBeginning({ status }: KubeError): boolean {
  return status === 401 || status === 403;
}
