// Test projects: unit (fast, no servers), reconcile (the whole operator in memory), crash (the crash matrix, the state search, changes of options), sim (the simulator's own tests), contract (one suite against real servers), integration (real API server).
import { globSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';

/** A test that plays whole pipelines of the operator says so by what it imports. */
const PLAYS_THE_OPERATOR = /^import .*\/builders\/(simulated|swept)-operator\.ts'/m;

const reconcileTests = [
  'test/machine/**/*.test.ts',
  ...globSync('src/**/*.test.ts', { cwd: import.meta.dirname }).filter((path) =>
    PLAYS_THE_OPERATOR.test(readFileSync(join(import.meta.dirname, path), 'utf8')),
  ),
];

/** One project after the other; vitest alone would leave a core unused, which is half of a small machine. */
const place = (groupOrder: number, maxWorkers = availableParallelism()) => ({ maxWorkers, sequence: { groupOrder } });

/** Modules are loaded once a worker, not once a file: these tests keep no state in modules. */
const inMemory = { isolate: false, pool: 'threads', environment: 'node', testTimeout: 30_000 } as const;

/** In the order of `npm test`, the quick ones first. */
export const testProjects = [
  {
    test: {
      ...inMemory,
      ...place(0),
      name: 'unit',
      include: [
        'src/**/*.test.ts',
        'test/arch/**/*.test.ts',
        'test/builders/**/*.test.ts',
        'test/bench/**/*.test.ts',
        'test/fakes/**/*.test.ts',
        'hack/**/*.test.ts',
      ],
      exclude: [...configDefaults.exclude, ...reconcileTests],
    },
  },
  { test: { ...inMemory, ...place(1), name: 'reconcile', include: reconcileTests } },
  {
    test: {
      ...place(2),
      name: 'crash',
      include: ['test/crash/**/*.test.ts', 'test/search/**/*.test.ts', 'test/transitions/**/*.test.ts'],
      environment: 'node',
      testTimeout: 300_000,
    },
  },
  { test: { ...place(3), name: 'sim', include: ['test/sim/**/*.test.ts'], environment: 'node', testTimeout: 30_000 } },
  {
    test: {
      ...place(4),
      name: 'contract',
      include: ['test/contract/**/*.test.ts'],
      environment: 'node',
      testTimeout: 60_000,
      hookTimeout: 120_000,
    },
  },
  {
    test: {
      // Each file has an API server of its own, and mostly waits; more of them at once would starve one another.
      ...place(5, 2),
      name: 'integration',
      include: ['test/integration/**/*.test.ts', 'test/kube/**/*.test.ts'],
      environment: 'node',
      testTimeout: 180_000,
      hookTimeout: 180_000,
    },
  },
];

export default defineConfig({ test: { projects: testProjects } });
