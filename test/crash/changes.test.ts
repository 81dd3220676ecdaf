// A change of the package ends alike wherever it is disturbed.
import { test } from 'vitest';
import { expectSameEnd } from './expect-same-end.ts';
import { CHANGES } from './scenarios.ts';

test.each(CHANGES)('$name', expectSameEnd);
