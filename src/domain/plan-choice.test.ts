// Every combination of what is kept, what there is and what is asked for.
import { describe, expect, test } from 'vitest';
import { aRevision } from '../../test/builders/admission.ts';
import { aPlan } from '../../test/builders/objects.ts';
import type { PlanSpec } from '../api/plan.ts';
import { chosenSpec, planChoice, type PlanChoice, type PlanObjects } from './plan-choice.ts';

const built: Partial<PlanSpec> = { memoryGiB: 1 };
const kept = aRevision(aPlan(built));
const ofAnother = aRevision(aPlan(built, 'small'));
const edited = aPlan({ memoryGiB: 2 });
const automatic = aPlan({ memoryGiB: 2, rollOut: 'Automatic' });
const onRequest = aPlan({ memoryGiB: 2, rollOut: 'OnRequest' });

interface Row extends PlanObjects {
  name: string;
  newest?: boolean;
  want: PlanChoice['kind'];
  /** Memory that the chosen form gives. */
  gives?: number;
}

const ROWS: readonly Row[] = [
  { name: 'a VM that is made', plan: edited, kept: undefined, want: 'first', gives: 2 },
  { name: 'a VM that is made of a plan that rolls out', plan: automatic, kept: undefined, want: 'followed', gives: 2 },
  { name: 'an edit that nobody asked for', plan: edited, kept, want: 'kept', gives: 1 },
  { name: 'an edit that is rolled out on request', plan: onRequest, kept, want: 'kept', gives: 1 },
  { name: 'an edit that is asked for', plan: onRequest, kept, newest: true, want: 'followed', gives: 2 },
  { name: 'an edit that rolls out by itself', plan: automatic, kept, want: 'followed', gives: 2 },
  { name: 'another plan', plan: edited, kept: ofAnother, want: 'other', gives: 2 },
  { name: 'another plan that rolls out', plan: automatic, kept: ofAnother, want: 'other', gives: 2 },
  { name: 'another plan, the newest of it', plan: edited, kept: ofAnother, newest: true, want: 'other', gives: 2 },
  { name: 'a plan that is gone', plan: undefined, kept, want: 'kept', gives: 1 },
  { name: 'a plan that is gone, the newest of it', plan: undefined, kept, newest: true, want: 'kept', gives: 1 },
  { name: 'another plan that is not there', plan: undefined, kept: ofAnother, want: 'missing' },
  { name: 'a plan that never was', plan: undefined, kept: undefined, want: 'missing' },
];

describe('planChoice', () => {
  test.each(ROWS)('$name: $want', ({ plan, kept: revision, newest, want, gives }) => {
    const choice = planChoice('kvm', { plan, kept: revision }, { newest });
    expect(choice.kind).toBe(want);
    expect(chosenSpec(choice)?.memoryGiB).toBe(gives);
  });

  test('follows nothing unless it is told to', () => {
    expect(planChoice('kvm', { plan: edited, kept })).toEqual({ kind: 'kept', revision: kept });
  });
});
