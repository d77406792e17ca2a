// code.review on repositories made for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addedLines, marker, risk } from '../lib/review.mjs';
import { runTool } from '../lib/tools.mjs';
import { commitAll, git, repository, scratch, step, write } from './support.mjs';

const review = (folder, repo, words = ['--only-changed', '--without-tools']) =>
  step(folder, 'code-review.mjs', [...words, repo]);

test('a change is measured, and the next review starts where this one ended', (t) => {
  const folder = scratch(t);
  const repo = repository(folder, { 'a.txt': 'one\ntwo\n' });
  const first = review(folder, repo);
  assert.equal(first.status, 0, first.stderr);
  assert.equal(first.report.outputs.files, 1);
  assert.equal(first.report.outputs.added, 2);
  assert.equal(review(folder, repo).report.summary, 'nothing changed since the last review');

  commitAll(write(repo, { 'a.txt': 'one\n', 'b c.txt': 'é\n' }), 'Change');
  const { outputs } = review(folder, repo).report;
  assert.deepEqual([outputs.commits, outputs.files, outputs.added, outputs.removed], [1, 2, 1, 1]);
});

test('risky paths and what was left behind are remarked upon', (t) => {
  const folder = scratch(t);
  const note = `// ${'TO' + 'DO'}: later\n`;
  const repo = repository(folder, { 'migrations/1.sql': 'SELECT 1;\n', 'src/session.rs': note });
  const done = review(folder, repo);
  assert.equal(done.status, 0);
  assert.match(done.stdout, /^migrations\/1\.sql: remark: changes the database$/m);
  assert.match(done.stdout, /^src\/session\.rs: remark: decides who may do what$/m);
  assert.match(done.stdout, /^src\/session\.rs:1: remark: a note to come back was added$/m);
  assert.equal(done.report.outputs.remarks, 3);
  assert.match(done.artifact('review.txt'), /session/);
});

test('a secret fails the review, and is looked at again the next night', (t) => {
  const folder = scratch(t);
  const repo = repository(folder, { 'key.txt': `-----BEGIN ${'PRIVATE'} KEY-----\n` });
  assert.equal(review(folder, repo).status, 1);
  const again = review(folder, repo);
  assert.equal(again.status, 1);
  assert.equal(again.report.outputs.errors, 1);
});

test('a linter that is present is asked, and its refusal fails the review', (t) => {
  const folder = scratch(t);
  const repo = repository(folder, { 'good.mjs': 'export const a = 1;\n', 'bad.mjs': 'export const = 1;\n' });
  const done = review(folder, repo, ['--only-changed']);
  assert.equal(done.status, 1);
  assert.match(done.stdout, /linter: node --check good\.mjs: passed/);
  assert.match(done.stdout, /linter: node --check bad\.mjs: failed/);
});

test('a history that was rewritten is reviewed from its last commits', (t) => {
  const folder = scratch(t);
  const repo = repository(folder, { 'a.txt': 'one\n' });
  review(folder, repo);
  write(repo, { 'a.txt': 'other\n' });
  git(repo, 'commit', '--quiet', '--all', '--amend', '-m', 'Another first');
  assert.equal(review(folder, repo).report.outputs.files, 1);
});

test('a tool that takes too long is ended, with what it started', async () => {
  const argv = ['sh', '-c', 'sleep 600 & wait'];
  const done = await runTool('.', { kind: 'tests', name: 'slow', argv, seconds: 0.2 });
  assert.equal(done.outcome, 'too slow');
  const none = await runTool('.', { kind: 'linter', name: 'none', argv: ['no-such-program'], seconds: 5 });
  assert.equal(none.outcome, 'not here');
});

test('added lines keep their path and number', () => {
  const diff = 'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +5,2 @@\n+++ not a header\n+two\n@@ -9 +12 @@ f()\n-old\n+new\n';
  assert.deepEqual(addedLines(diff), [
    { path: 'x', line: 5, text: '++ not a header' },
    { path: 'x', line: 6, text: 'two' },
    { path: 'x', line: 12, text: 'new' },
  ]);
});

test('markers and risks are not seen where there are none', () => {
  for (const line of ['let total = 1;', '=======================', 'it.only_once()', 'hackathon']) {
    assert.equal(marker(line), undefined, line);
  }
  for (const path of ['src/author.rs', 'docs/immigration.md', 'keynote.md']) assert.equal(risk(path), undefined, path);
});
