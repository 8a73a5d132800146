// Sums the results that the suites left in a folder and prints the line that CI reads.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const sum = { passed: 0, failed: 0, skipped: 0 };
for (const file of readdirSync(folder)) {
  const text = readFileSync(join(folder, file), "utf8");
  if (file.endsWith(".go.json")) countGo(text);
  else countVitest(JSON.parse(text));
}
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0;

/** One JSON object a line; a line without a test is about a whole package. */
function countGo(text) {
  for (const line of text.split("\n").filter((each) => each.startsWith("{"))) {
    const { Action, Test } = JSON.parse(line);
    if (Test === undefined) continue;
    if (Action === "pass") sum.passed++;
    if (Action === "fail") sum.failed++;
    if (Action === "skip") sum.skipped++;
  }
}

function countVitest(report) {
  sum.passed += report.numPassedTests;
  sum.failed += report.numFailedTests;
  sum.skipped += report.numPendingTests + report.numTodoTests;
  // A file that cannot even be loaded has no tests to fail.
  sum.failed += report.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  ).length;
}
