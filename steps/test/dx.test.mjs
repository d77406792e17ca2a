// dx.integrate and dx.apply: from a fault to a signed commit on a branch, and everything that must not happen.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { importedPackages } from '../lib/dependencies.mjs';
import { commitAll, exampleSite, git, repository, scratch, step, write } from './support.mjs';

const faulty = { 'a.txt': 'one  \ntwo', 'b.md': 'two spaces break  \na line\n', 'c.bin': 'x \0' };
const integrate = (folder, repo, words = [], options) =>
  step(folder, 'dx-integrate.mjs', ['--only-changed', ...words, repo], options);
/** What Watchbill gives a task that uses the files of another: a folder with a folder for each. */
const used = (integrated) => {
  const folder = `${integrated.folder}-used`;
  cpSync(integrated.folder, join(folder, 'dx.integrate'), { recursive: true });
  return folder;
};
const signed = (integrated, approval = 'approved') => ({
  env: {
    WATCHBILL_USES: used(integrated),
    WATCHBILL_UPSTREAM: JSON.stringify({
      'dx.integrate': { status: 'succeeded', outputs: integrated.report.outputs, approval },
    }),
  },
});
const apply = (folder, integrated, approval) => step(folder, 'dx-apply.mjs', [], signed(integrated, approval));
const clone = (folder) => {
  const dx = join(folder, 'state', 'dx');
  return join(dx, readdirSync(dx)[0], 'clone');
};

test('the example site: the faults it says are found, and a patch for those that are mechanical', (t) => {
  const folder = scratch(t);
  const repo = repository(folder, { 'README.md': 'A site.\n' });
  cpSync(exampleSite, join(repo, 'site'), { recursive: true });
  commitAll(repo, 'Add the site');
  const done = integrate(folder, repo, ['--site', 'site']);
  assert.equal(done.status, 0, done.stderr);
  const found = [...done.stdout.matchAll(/^site\/(\S+): can be repaired \[(\S+)\]$/gm)].map(([, page, rule]) => `${page} ${rule}`);
  const rows = readFileSync(join(exampleSite, 'FAULTS.md'), 'utf8').matchAll(/^\| (\S+) \| (\S+) \|.*\| repaired \|$/gm);
  assert.deepEqual(found.sort(), [...rows].map(([, page, rule]) => `${page} ${rule}`).sort());
  assert.match(done.artifact('change.diff'), /^\+ {4}<title>Waste and recycling<\/title>$/m);
});

test('a signed patch becomes a commit on the branch of the night, and a retry finds it there', (t) => {
  const folder = scratch(t);
  const repo = repository(folder, faulty);
  const head = git(repo, 'rev-parse', 'HEAD');
  const prepared = integrate(folder, repo);
  const { outputs } = prepared.report;
  assert.equal(outputs.branch, 'nightly/2025-01-15');
  assert.equal(outputs.base, head);
  assert.equal(outputs.files, 1);
  assert.equal(outputs.patch_sha256, createHash('sha256').update(prepared.artifact('change.diff')).digest('hex'));
  assert.equal(git(clone(folder), 'rev-parse', outputs.branch), head, 'nothing is committed before somebody signs');

  const applied = apply(folder, prepared);
  assert.equal(applied.status, 0, applied.stderr);
  assert.equal(git(clone(folder), 'show', `${outputs.branch}:a.txt`), 'one\ntwo');
  assert.equal(git(clone(folder), 'show', `${outputs.branch}:b.md`), 'two spaces break  \na line');
  assert.match(git(clone(folder), 'log', '-1', '--format=%B', outputs.branch), new RegExp(outputs.patch_sha256));

  writeFileSync(join(folder, 'applied.patch'), applied.artifact('applied.patch'));
  git(repo, 'am', '--quiet', join(folder, 'applied.patch'));
  assert.equal(git(repo, 'show', 'HEAD:a.txt'), 'one\ntwo', 'the patch brings it home');
  git(repo, 'reset', '--quiet', '--hard', head);

  const again = apply(folder, prepared);
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.report.summary, /^was already on/);
  assert.equal(again.report.outputs.commit, applied.report.outputs.commit);
  assert.equal(git(repo, 'rev-parse', 'HEAD'), head, 'the repository itself is not touched');
  assert.equal(git(repo, 'status', '--porcelain'), '');
});

test('a patch that is not the signed one is not applied', (t) => {
  const folder = scratch(t);
  const repo = repository(folder, faulty);
  const prepared = integrate(folder, repo);
  const patch = join(prepared.folder, 'change.diff');
  writeFileSync(patch, prepared.artifact('change.diff').replace('+two', '+three'));
  const done = apply(folder, prepared);
  assert.equal(done.status, 2);
  assert.match(done.stderr, /not the one that was signed/);
  const { env } = signed(prepared);
  delete env.WATCHBILL_USES;
  assert.match(step(folder, 'dx-apply.mjs', [], { env }).stderr, /left no change\.diff for this task/);
  assert.equal(git(clone(folder), 'rev-parse', prepared.report.outputs.branch), prepared.report.outputs.base);
});

test('without an approval, a patch or Watchbill nothing is applied', (t) => {
  const folder = scratch(t);
  const repo = repository(folder, faulty);
  const prepared = integrate(folder, repo);
  assert.match(apply(folder, prepared, 'rejected').stderr, /not approved/);
  assert.match(apply(folder, prepared, null).stderr, /not approved/);
  assert.match(step(folder, 'dx-apply.mjs', []).stderr, /inside Watchbill only/);
  prepared.report.outputs.patch_sha256 = '../../etc/passwd';
  assert.match(apply(folder, prepared).stderr, /names no patch/);
});

test('a refused repair comes back; an applied one does not, and only later changes are looked at', (t) => {
  const folder = scratch(t);
  const repo = repository(folder, faulty);
  integrate(folder, repo);
  const second = integrate(folder, repo, [], { env: { WATCHBILL_RUN_ID: 'nightly-2025-01-16' } });
  assert.equal(second.report.outputs.repaired, 2);
  assert.equal(apply(folder, second).status, 0);

  const third = integrate(folder, repo, [], { env: { WATCHBILL_RUN_ID: 'nightly-2025-01-17' } });
  assert.equal(third.report.outputs.repaired, 0);
  assert.equal(third.report.outputs.patch_sha256, null);
  assert.deepEqual(third.artifacts, []);

  commitAll(write(repo, { 'd.txt': 'late ' }), 'Later');
  const fourth = integrate(folder, repo, [], { env: { WATCHBILL_RUN_ID: 'nightly-2025-01-18' } });
  assert.equal(fourth.report.outputs.repaired, 2);
  assert.match(fourth.artifact('change.diff'), /d\.txt/);
  assert.doesNotMatch(fourth.artifact('change.diff'), /a\.txt/);
});

test('what was applied on a branch is never lost, and a patch made for an older state is refused', (t) => {
  const folder = scratch(t);
  const repo = repository(folder, faulty);
  const first = integrate(folder, repo);
  commitAll(write(repo, { 'd.txt': 'late ' }), 'Later');
  const second = integrate(folder, repo);
  assert.match(apply(folder, first).stderr, /no longer at/);
  const applied = apply(folder, second).report.outputs.commit;
  commitAll(write(repo, { 'e.txt': 'later ' }), 'Later still');
  const third = integrate(folder, repo);
  assert.equal(third.report.outputs.branch, 'nightly/2025-01-15-2');
  assert.equal(git(clone(folder), 'rev-parse', 'nightly/2025-01-15'), applied);
});

test('dependencies: undeclared, unbounded, not locked', (t) => {
  const folder = scratch(t);
  const repo = repository(folder, {
    'package.json': JSON.stringify({ name: 'x', dependencies: { a: '1.0.0', b: '*' } }) + '\n',
    'package-lock.json': JSON.stringify({ packages: { '': { dependencies: { a: '0.9.0', b: '*' } } } }) + '\n',
    'Cargo.toml': '[dependencies]\nserde = "*"\n',
    'i.mjs': "import fs from 'node:fs';\nimport a from 'a';\nimport { c } from '@s/c/d';\nimport './own.mjs';\n",
  });
  const done = integrate(folder, repo);
  assert.equal(done.report.outputs.left, 5);
  assert.match(done.stdout, /i\.mjs: imports @s\/c,/);
  assert.match(done.stdout, /package-lock\.json: a is locked for 0\.9\.0, declared as 1\.0\.0/);
  assert.match(done.stdout, /Cargo\.toml: serde may be of any version/);
  assert.match(done.stdout, /Cargo\.toml: there is no Cargo\.lock/);
});

test('imports are found in all their forms', () => {
  const source = "import a from 'a';\nexport * from 'b/c';\nimport 'd';\nimport {\n  e,\n} from 'e';\nawait imp" + "ort('f');\nimport g from 'fs';";
  assert.deepEqual([...importedPackages(source)].sort(), ['a', 'b', 'd', 'e', 'f']);
});

test('a folder that is no repository is said, with exit code 2', (t) => {
  const folder = scratch(t);
  const done = integrate(folder, folder);
  assert.equal(done.status, 2);
  assert.match(done.stderr, /git rev-parse/);
});
