// Test projects: unit (fast, no servers), crash (the crash matrix, the state search, changes of options), sim (the simulator's own tests), contract (one suite against real servers), integration (real API server).
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          // The fast loop: modules are loaded once a worker, not once a file. Unit tests keep no state in modules.
          isolate: false,
          pool: 'threads',
          include: [
            'src/**/*.test.ts',
            'test/arch/**/*.test.ts',
            'test/builders/**/*.test.ts',
            'test/bench/**/*.test.ts',
            'test/fakes/**/*.test.ts',
            'test/machine/**/*.test.ts',
            'hack/**/*.test.ts',
          ],
          environment: 'node',
        },
      },
      {
        test: {
          name: 'crash',
          include: ['test/crash/**/*.test.ts', 'test/search/**/*.test.ts', 'test/transitions/**/*.test.ts'],
          environment: 'node',
          testTimeout: 300_000,
        },
      },
      { test: { name: 'sim', include: ['test/sim/**/*.test.ts'], environment: 'node', testTimeout: 30_000 } },
      {
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts', 'test/kube/**/*.test.ts'],
          environment: 'node',
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
