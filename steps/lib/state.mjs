// What the steps remember from night to night, in a folder of their own.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The folder for one step's memory of one repository. */
export function stateFolder(step, repository) {
  const root = resolve(
    process.env.STEPS_STATE ??
      join(process.env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'watchbill-steps'),
  );
  const name = createHash('sha256').update(resolve(repository)).digest('hex').slice(0, 12);
  const folder = join(root, step, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Reads what was remembered; an empty object where there is nothing, or nothing legible. */
export function remember(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8'));
  } catch {
    return {};
  }
}

/** Replaces it, whole or not at all. */
export function keep(folder, state) {
  const path = join(folder, 'state.json');
  writeFileSync(`${path}.new`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

/** The night's date: of the run where Watchbill says so, else today. */
export function runDate() {
  const ofRun = /\d{4}-\d{2}-\d{2}/.exec(process.env.WATCHBILL_RUN_ID ?? '');
  if (ofRun) return ofRun[0];
  const now = new Date();
  const two = (number) => String(number).padStart(2, '0');
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}
