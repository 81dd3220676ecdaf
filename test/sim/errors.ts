// The errors an API call or a task may end with, in the form Proxmox VE gives them.

/** An answer with an error status; `message` becomes the reason phrase and the body's message. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code = 'SIM_API_ERROR';
  readonly status: number;
  readonly errors: Record<string, string> | undefined;

  constructor(status: number, message: string, errors?: Record<string, string>) {
    super(message);
    this.status = status;
    this.errors = errors;
  }

  /** The text a Perl exception object turns into when it is printed, as task logs show it. */
  get printed(): string {
    if (this.errors !== undefined) {
      const details = Object.entries(this.errors).map(([key, text]) => `${key}: ${text.replace(/\n$/, '')}\n`);
      return `${this.status} ${this.message}\n${details.join('')}`;
    }
    return this.status === 500 ? this.message : `${this.status} ${this.message}`;
  }
}

/** A plain failure inside the code (Perl's `die "text\n"`): status 500. */
export function failure(message: string): ApiError {
  return new ApiError(500, message);
}

/** A refused parameter: status 400 with the parameter's own text. */
export function parameterError(errors: Record<string, string>): ApiError {
  return new ApiError(400, 'Parameter verification failed.', errors);
}

/** A missing privilege. */
export function forbidden(detail?: string): ApiError {
  return new ApiError(403, detail === undefined ? 'Permission check failed' : `Permission check failed (${detail})`);
}

/** The text of whatever was thrown, without a stack. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiError) return error.printed;
  return error instanceof Error ? error.message : String(error);
}
