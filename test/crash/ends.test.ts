// The unusual ends of a VM end alike wherever they are disturbed.
import { test } from 'vitest';
import { expectSameEnd } from './expect-same-end.ts';
import { ENDS } from './scenarios.ts';

test.each(ENDS)('$name', expectSameEnd);
