// Deploy and deletion end alike wherever they are disturbed.
import { test } from 'vitest';
import { expectSameEnd } from './expect-same-end.ts';
import { LIVES } from './scenarios.ts';

test.each(LIVES)('$name', expectSameEnd);
