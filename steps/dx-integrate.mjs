#!/usr/bin/env node
// dx.integrate: checks formatting and dependencies of a repository and prepares the repair as a patch on a
// branch of a clone. It commits nothing: dx-apply.mjs does, once a person has signed this patch.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readArguments } from './lib/arguments.mjs';
import { checkDependencies } from './lib/dependencies.mjs';
import { commit, git } from './lib/git.mjs';
import { readPage } from './lib/html.mjs';
import { repairPage, repairText } from './lib/repair.mjs';
import { PATCH, count, giveUp, writeArtifact, writeReport } from './lib/report.mjs';
import { siteBase } from './lib/site.mjs';
import { remember, runDate, stateFolder } from './lib/state.mjs';

const usage = `Usage: dx-integrate.mjs [--only-changed] [--site FOLDER] [REPOSITORY]

Looks at a git repository (by default the present folder) as of its last commit.
  --only-changed   only files that changed since a repair was last applied
  --site FOLDER    the repository's folder of HTML pages, for canonical links and titles

Exit code 0: looked; 2: the repository could not be read.`;

const TEXT = /\.(css|html?|js|json|md|mjs|rs|scss|sh|sql|svg|toml|ts|txt|ya?ml)$/i;
const LARGEST = 1024 * 1024;

const { flags, options, place } = readArguments({ usage, flags: ['--only-changed'], options: ['--site'] });
const source = resolve(place ?? '.');
const state = stateFolder('dx', source);
const clone = join(state, 'clone');
let branch = `nightly/${runDate()}`;

try {
  const base = refreshClone();
  const files = filesToLookAt(base);
  const left = [];
  const repaired = repairAll(files, left);
  // With git's own prefixes, whatever this user's settings say: gates read no others.
  const prefixes = ['--src-prefix=a/', '--dst-prefix=b/'];
  const patch = git(clone, state).answer('diff', '--no-color', '--no-ext-diff', '--binary', ...prefixes);
  git(clone, state).answer('checkout', '--quiet', '--', '.');
  tell(base, files.length, repaired, left, patch);
} catch (error) {
  giveUp(`${source}: ${error.message}`);
}

/** A clone of our own, at the repository's last commit, on the night's branch. */
function refreshClone() {
  const from = git(source, state);
  const head = from.line('rev-parse', 'HEAD');
  if (!existsSync(join(clone, '.git'))) {
    rmSync(clone, { recursive: true, force: true });
    from.answer('clone', '--quiet', '--no-checkout', '--no-hardlinks', source, clone);
  }
  const ours = git(clone, state);
  ours.answer('fetch', '--quiet', source, 'HEAD');
  const start = chooseBranch(ours, head);
  ours.answer('checkout', '--quiet', '--force', '-B', branch, start);
  ours.answer('clean', '--quiet', '-fd');
  return ours.line('rev-parse', 'HEAD');
}

/** Where the night's branch starts. What was applied on it before is never lost: it is built upon, or left. */
function chooseBranch(ours, head) {
  const first = branch;
  for (let n = 2; ; n += 1) {
    if (!commit(ours, branch) || ours.holds('merge-base', '--is-ancestor', branch, head)) return head;
    if (ours.holds('merge-base', '--is-ancestor', head, branch)) return branch;
    branch = `${first}-${n}`;
  }
}

function filesToLookAt(base) {
  const ours = git(clone, state);
  const since = flags.has('--only-changed') ? commit(ours, remember(state).integrated) : undefined;
  const listed = since
    ? ours.paths('diff', '--name-only', '--diff-filter=ACMR', '-z', since, base)
    : ours.paths('ls-files', '-z');
  if (flags.has('--only-changed')) {
    console.log(since ? `Changed since ${since.slice(0, 10)}:` : 'No repair was applied here yet: every file.');
  }
  return listed.filter((path) => TEXT.test(path) && !/(^|\/)(package-lock\.json|.*\.min\.\w+)$/.test(path));
}

/** Repairs files in the clone's work tree; what needs a person goes into `left`. */
function repairAll(files, left) {
  const site = options['--site']?.replace(/^\.\//, '').replace(/\/?$/, '/');
  const inSite = (path) => site !== undefined && path.startsWith(site) && /\.html?$/i.test(path);
  const base = site && addressOfSite(site);
  const repaired = [];
  const scripts = [];
  for (const path of files) {
    const bytes = readFileSync(join(clone, path));
    if (bytes.length > LARGEST || bytes.includes(0)) continue;
    const before = bytes.toString('utf8');
    let mended = repairText(path, before);
    const done = [...mended.done];
    if (inSite(path)) {
      mended = repairPage(path.slice(site.length), mended.source, base);
      done.push(...mended.done.map(({ rule }) => ({ page: path, rule })));
    }
    if (mended.source !== before) writeFileSync(join(clone, path), mended.source);
    repaired.push(...done);
    if (/\.(mjs|js)$/.test(path)) scripts.push(path);
  }
  left.push(...checkDependencies(clone, scripts));
  return repaired;
}

function addressOfSite(site) {
  const pages = git(clone, state)
    .paths('ls-files', '-z', '--', site)
    .filter((path) => /\.html?$/i.test(path))
    .map((path) => ({ path: path.slice(site.length), page: readPage(readFileSync(join(clone, path), 'utf8')) }));
  return siteBase(pages);
}

function tell(base, looked, repaired, left, patch) {
  for (const { page, rule } of repaired) console.log(`${page}: can be repaired [${rule}]`);
  for (const { page, rule, message } of left) console.log(`${page}: ${message} [${rule}]`);
  const files = new Set(repaired.map(({ page }) => page)).size;
  const outputs = {
    repository: source,
    branch,
    base,
    looked_at: looked,
    files,
    repaired: repaired.length,
    left: left.length,
    patch_sha256: null,
  };
  let summary = `${count(looked, 'file')}, nothing to repair`;
  if (patch) {
    outputs.patch_sha256 = createHash('sha256').update(patch).digest('hex');
    if (!writeArtifact(PATCH, patch)) console.log(`\n${patch}`);
    summary = `repairs ${count(repaired.length, 'fault')} in ${count(files, 'file')}, on ${branch}`;
  }
  if (left.length > 0) summary += `; ${left.length} more for a person`;
  console.log(`\n${summary[0].toUpperCase()}${summary.slice(1)}.`);
  if (patch) console.log(`Approving applies ${PATCH} (SHA-256 ${outputs.patch_sha256}) to ${clone}.`);
  writeReport({ summary, outputs });
}
