// Prints `passed failed skipped` of a vitest JSON report. A file that fails without a failed test (it did not load, or
// left something open) counts as one failure, and so does a run that failed without any.
import { readFileSync } from 'node:fs'

const [path, exitCode] = process.argv.slice(2)
const report = JSON.parse(readFileSync(path, 'utf8'))
const broken = report.testResults.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
)
const failed = report.numFailedTests + broken.length
const unexplained = failed === 0 && exitCode !== '0' ? 1 : 0
console.log(report.numPassedTests, failed + unexplained, report.numPendingTests + report.numTodoTests)
