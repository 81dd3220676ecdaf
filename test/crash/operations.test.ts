// Power, passwords and records end alike wherever they are disturbed.
import { test } from 'vitest';
import { expectSameEnd } from './expect-same-end.ts';
import { OPERATIONS } from './scenarios.ts';

test.each(OPERATIONS)('$name', expectSameEnd);
