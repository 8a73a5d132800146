// Sums the results that the suites left in a folder, shows where the time went, and prints the line that CI reads.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

const folder = process.argv[2];
const sum = { passed: 0, failed: 0, skipped: 0 };
const files = [];
const tests = [];
const steps = [];
for (const file of readdirSync(folder)) {
  const text = readFileSync(join(folder, file), "utf8");
  if (file === "steps.tsv") countSteps(text);
  else if (file.endsWith(".go.json")) countGo(text);
  else countVitest(JSON.parse(text), basename(file, ".json"));
}
showTime();
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0;

/** One step a line: its seconds, a tab, its name. */
function countSteps(text) {
  for (const line of text.trim().split("\n")) {
    const [seconds, name] = line.split("\t");
    steps.push({ name, seconds: Number(seconds) });
  }
}

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

function countVitest(report, suite) {
  sum.passed += report.numPassedTests;
  sum.failed += report.numFailedTests;
  sum.skipped += report.numPendingTests + report.numTodoTests;
  for (const { name, status, startTime, endTime, assertionResults } of report.testResults) {
    // A file that cannot even be loaded has no tests to fail.
    if (status === "failed" && assertionResults.length === 0) sum.failed++;
    const file = `${suite}: ${basename(name, ".test.ts")}`;
    files.push({ name: file, seconds: (endTime - startTime) / 1000 });
    for (const { title, duration } of assertionResults)
      tests.push({ name: `${file}: ${title}`, seconds: (duration ?? 0) / 1000 });
  }
}

/** Of files and tests this is the time of the tests alone: what a hook deploys before the first one is in the step's time. */
function showTime() {
  const line = ({ name, seconds }) => `${seconds.toFixed(0).padStart(6)} s  ${name.slice(0, 130)}`;
  const longest = (list, count) => [...list].sort((a, b) => b.seconds - a.seconds).slice(0, count);
  const total = steps.reduce((all, { seconds }) => all + seconds, 0);
  console.log(`\nWhere the time went, ${(total / 60).toFixed(1)} minutes in all`);
  for (const step of steps) console.log(line(step));
  console.log("\nthe longest files");
  for (const file of longest(files, 20)) console.log(line(file));
  console.log("\nthe longest tests");
  for (const test of longest(tests, 25)) console.log(line(test));
  console.log("");
}
