// Asks the API server's authorizer what a requester may do (SubjectAccessReview), and remembers the answer for a moment.
import { GROUP } from '../api/object.ts';
import type { KubeClient } from '../kube/client.ts';
import type { KubeObject, ResourceType } from '../kube/types.ts';
import type { Requester } from './admission-review.ts';
import type { Access } from './rule.ts';

interface SubjectAccessReview extends KubeObject {
  spec: {
    user: string;
    groups?: readonly string[];
    uid?: string;
    extra?: Readonly<Record<string, readonly string[]>>;
    resourceAttributes: { group: string; resource: string; verb: string; namespace?: string; name?: string };
  };
  status?: { allowed: boolean };
}

const subjectAccessReviewType: ResourceType<SubjectAccessReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SubjectAccessReview',
  plural: 'subjectaccessreviews',
  namespaced: false,
};

export interface AccessReviewsOptions {
  client: Pick<KubeClient, 'create'>;
  /** Milliseconds of a clock that never goes backwards. */
  monotonic(): number;
  /** Called after each question that was really asked. */
  onAsked?(sample: { allowed: boolean; durationMs: number }): void;
}

const LIFETIME_MS = 10_000;
// A few megabytes: whoever sends as many different questions waits for each.
const MOST_REMEMBERED = 10_000;

interface Answer {
  readonly allowed: Promise<boolean>;
  readonly until: number;
}

/** Answers that are ten seconds old at the most; the same question is not asked twice at a time. */
export class AccessReviews {
  readonly #options: AccessReviewsOptions;
  readonly #answers = new Map<string, Answer>();

  constructor(options: AccessReviewsOptions) {
    this.#options = options;
  }

  /** Whether the requester may; rejects with KubeError when that cannot be told. */
  may(access: Access, requester: Requester, signal?: AbortSignal): Promise<boolean> {
    const { monotonic } = this.#options;
    const key = JSON.stringify([access, requester]);
    const known = this.#answers.get(key);
    if (known !== undefined && known.until > monotonic()) return known.allowed;
    const allowed = this.#ask(access, requester, signal);
    this.#remember(key, { allowed, until: monotonic() + LIFETIME_MS });
    allowed.catch(() => this.#answers.delete(key));
    return allowed;
  }

  async #ask({ resource, verb, namespace, name }: Access, user: Requester, signal?: AbortSignal): Promise<boolean> {
    const { client, monotonic, onAsked } = this.#options;
    const startedAt = monotonic();
    const review = await client.create(
      subjectAccessReviewType,
      {
        metadata: { name: '' },
        spec: {
          user: user.name,
          groups: user.groups,
          ...(user.uid === undefined ? {} : { uid: user.uid }),
          ...(user.extra === undefined ? {} : { extra: user.extra }),
          resourceAttributes: { group: GROUP, resource, verb, name, ...(namespace === undefined ? {} : { namespace }) },
        },
      },
      { signal },
    );
    const allowed = review.status?.allowed === true;
    onAsked?.({ allowed, durationMs: monotonic() - startedAt });
    return allowed;
  }

  #remember(key: string, answer: Answer): void {
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    if (this.#answers.size <= MOST_REMEMBERED) return;
    // A map keeps its order: the first is the oldest.
    const [oldest] = this.#answers.keys();
    if (oldest !== undefined) this.#answers.delete(oldest);
  }
}
