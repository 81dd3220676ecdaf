// A vitest reporter that writes what the tally needs into the file that hack/test-run/vitest.ts names.
import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';
import type { FileReport, RunReport } from './tally.ts';

/** Name of the environment variable with the path of the file. */
export const reportVariable = 'PVE_OPERATOR_TEST_REPORT';

/** vitest loads reporters by their default export. */
export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const file = process.env[reportVariable];
    if (file === undefined) return;
    const report: RunReport = { files: modules.map(fileReport), errors: errors.length };
    writeFileSync(file, JSON.stringify(report));
  }
}

function fileReport(module: TestModule): FileReport {
  const tests = [...module.children.allTests()].map((test) => {
    const result = test.result();
    return { name: test.fullName, state: result.state, note: 'note' in result ? result.note : undefined };
  });
  return { name: module.relativeModuleId, ok: module.ok(), tests };
}
