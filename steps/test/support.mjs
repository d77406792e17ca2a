// What the tests of the steps share: a step run as Watchbill runs it, and small repositories.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const steps = fileURLToPath(new URL('..', import.meta.url));
export const checkout = join(steps, '..');
export const exampleSite = join(checkout, 'examples', 'site');

/** A folder that goes when the test ends. */
export function scratch(t) {
  const folder = mkdtempSync(join(tmpdir(), 'watchbill-steps-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes files, by path, below a folder. */
export function write(folder, files) {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

/** Runs a step with a report, an artifact folder and a memory of its own. */
export function step(folder, name, words, { env = {}, cwd = folder } = {}) {
  const artifacts = mkdtempSync(join(folder, 'artifacts-'));
  const report = join(artifacts, '..', `report-${Math.random().toString(36).slice(2)}.json`);
  const done = spawnSync(process.execPath, [join(steps, name), ...words], {
    cwd,
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      STEPS_STATE: join(folder, 'state'),
      WATCHBILL_REPORT: report,
      WATCHBILL_ARTIFACTS: artifacts,
      WATCHBILL_RUN_ID: 'nightly-2025-01-15',
      ...env,
    },
  });
  return {
    status: done.status,
    stdout: done.stdout,
    stderr: done.stderr,
    report: existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined,
    folder: artifacts,
    artifacts: readdirSync(artifacts).sort(),
    artifact: (path) => readFileSync(join(artifacts, path), 'utf8'),
  };
}

/** Git in a folder, without anybody's configuration. */
export function git(folder, ...words) {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.invalid', '-c', 'init.defaultBranch=main'];
  const done = spawnSync('git', [...identity, ...words], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: folder, GIT_CONFIG_NOSYSTEM: '1' },
  });
  if (done.status !== 0) throw new Error(`git ${words.join(' ')}: ${done.stderr}`);
  return done.stdout.trim();
}

/** A repository with these files as its first commit. */
export function repository(folder, files) {
  const path = join(folder, 'repository');
  mkdirSync(path);
  git(path, 'init', '--quiet');
  commitAll(write(path, files), 'First');
  return path;
}

export function commitAll(path, message) {
  git(path, 'add', '--all');
  git(path, 'commit', '--quiet', '-m', message);
  return git(path, 'rev-parse', 'HEAD');
}
