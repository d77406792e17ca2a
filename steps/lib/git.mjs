// Git, without anybody's global configuration: safe folders and the author are given here, for this process.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A git that answers for `folder`, with its configuration kept in `state`. */
export function git(folder, state) {
  mkdirSync(state, { recursive: true });
  // A file and not -c: what clone starts on the other side reads it too.
  const config = join(state, 'gitconfig');
  writeFileSync(
    config,
    '[safe]\n\tdirectory = *\n[user]\n\tname = Watchbill nightly\n\temail = nightly@watchbill.invalid\n' +
      '[core]\n\thooksPath = /dev/null\n[advice]\n\tdetachedHead = false\n',
  );
  const env = {
    ...process.env,
    GIT_CONFIG_GLOBAL: config,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    LC_ALL: 'C',
  };
  const run = (words, { input } = {}) =>
    spawnSync('git', words, { cwd: folder, env, input, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 });

  /** What git prints; throws with what it said where it fails. */
  const answer = (...words) => {
    const done = run(words);
    if (done.error) throw new Error(`git could not be started: ${done.error.message}`);
    if (done.status !== 0) throw new Error(`git ${words[0]}: ${(done.stderr || done.stdout).trim()}`);
    return done.stdout;
  };
  return {
    answer,
    line: (...words) => answer(...words).trim(),
    /** Whether git agrees. */
    holds: (...words) => run(words).status === 0,
    /** Paths as git separates them by NUL. */
    paths: (...words) => answer(...words).split('\0').filter(Boolean),
    give: (input, ...words) => {
      const done = run(words, { input });
      if (done.status !== 0) throw new Error(`git ${words[0]}: ${done.stderr.trim()}`);
      return done.stdout;
    },
  };
}

/** The commit that git knows under this name, or undefined. */
export function commit(repository, name) {
  const known = name && repository.holds('cat-file', '-e', `${name}^{commit}`);
  return known ? repository.line('rev-parse', `${name}^{commit}`) : undefined;
}

/** The empty tree: what a first look compares with. */
export const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
