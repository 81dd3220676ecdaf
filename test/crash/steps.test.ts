// Single steps on demand end alike wherever they are disturbed.
import { test } from 'vitest';
import { expectSameEnd } from './expect-same-end.ts';
import { STEPS } from './scenarios.ts';

test.each(STEPS)('$name', expectSameEnd);
