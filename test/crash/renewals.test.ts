// A machine that is made anew ends alike wherever that is disturbed.
import { test } from 'vitest';
import { expectSameEnd } from './expect-same-end.ts';
import { RENEWALS } from './scenarios.ts';

test.each(RENEWALS)('$name', expectSameEnd);
