// Adds up the JSON reports of all test projects. Usage: count-tests.mjs REPORT_DIR EXIT_STATUS_OF_THE_TEST_COMMAND
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder = '.', status = '0'] = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };
for (const name of readdirSync(folder)) {
  const report = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  total.passed += report.numPassedTests;
  total.failed += report.numFailedTests;
  total.skipped += report.numPendingTests + report.numTodoTests;
  for (const file of report.testResults) {
    if (file.status === 'failed' && file.assertionResults.length === 0) total.failed += 1;
    for (const test of file.assertionResults) {
      if (test.status !== 'passed')
        console.log(`${test.status}: ${file.name.replace(/^.*\/(packages|apps)\//, '$1/')} > ${test.fullName}`);
    }
  }
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
if (status !== '0' || total.failed > 0 || total.skipped > 0 || total.passed === 0) process.exit(1);
