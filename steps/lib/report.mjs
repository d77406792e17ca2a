// What a step tells Watchbill: a JSON report, files in the artifact folder, lines on stdout.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The file in which dx.integrate leaves its patch, and from which dx.apply takes it. */
export const PATCH = 'change.diff';

/** Writes the report to the path in WATCHBILL_REPORT; without Watchbill there is nobody to read it. */
export function writeReport(report) {
  const path = process.env.WATCHBILL_REPORT;
  if (path) writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
}

/** Keeps a file with the attempt, where Watchbill gave a folder for it; answers whether it did. */
export function writeArtifact(name, content) {
  const folder = process.env.WATCHBILL_ARTIFACTS;
  if (!folder) return false;
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return true;
}

/** Ends the step with a sentence and the exit code for "could not do the work". */
export function giveUp(message) {
  console.error(message);
  process.exit(2);
}

/** `1 page`, `2 pages`. */
export function count(number, noun, plural = `${noun}s`) {
  return `${number} ${number === 1 ? noun : plural}`;
}
