#!/usr/bin/env node
// code.review: what changed in a git repository since the last commit that was reviewed.
import { resolve } from 'node:path';
import { readArguments } from './lib/arguments.mjs';
import { EMPTY_TREE, commit, git } from './lib/git.mjs';
import { count, giveUp, writeArtifact, writeReport } from './lib/report.mjs';
import { LARGE, addedLines, marker, risk } from './lib/review.mjs';
import { keep, remember, stateFolder } from './lib/state.mjs';
import { runTool, toolsFor } from './lib/tools.mjs';

const usage = `Usage: code-review.mjs [--only-changed] [--without-tools] [--strict] [REPOSITORY]

Reviews a git repository (by default the present folder): size, risky paths, what was left behind, and what
its formatter, linter and tests say, where they are present.
  --only-changed    only what came after the last reviewed commit; the first time, the last ten commits
  --without-tools   start no formatter, linter or test
  --strict          remarks end it with exit code 1, too

Exit code 0: reviewed; 1: a tool failed, or a secret seems to be in it; 2: the repository could not be read.`;

const FIRST_TIME_COMMITS = 10;

const { flags, place } = readArguments({ usage, flags: ['--only-changed', '--without-tools', '--strict'] });
const repository = resolve(place ?? '.');
const state = stateFolder('review', repository);
const repo = git(repository, state);

const remarks = [];
const remark = (where, message, grave = false) => remarks.push({ where, message, grave });

try {
  const head = repo.line('rev-parse', 'HEAD');
  const since = startingPoint(head);
  const change = measure(since, head);
  lookAtPaths(change.files);
  lookAtAddedLines(since, head);
  if (!flags.has('--without-tools')) await askTools(change.files);
  tell(since, head, change);
  // What has errors is looked at again the next night.
  if (process.exitCode === 0) keep(state, { ...remember(state), reviewed: head });
} catch (error) {
  giveUp(`${repository}: ${error.message}`);
}

function startingPoint(head) {
  if (!flags.has('--only-changed')) return EMPTY_TREE;
  const reviewed = commit(repo, remember(state).reviewed);
  if (reviewed && repo.holds('merge-base', '--is-ancestor', reviewed, head)) return reviewed;
  return commit(repo, `${head}~${FIRST_TIME_COMMITS}`) ?? EMPTY_TREE;
}

function measure(since, head) {
  const rows = repo.paths('diff', '--numstat', '--no-renames', '-z', since, head).map((row) => row.split('\t'));
  const sum = (column) => rows.reduce((total, row) => total + (Number(row[column]) || 0), 0);
  return {
    commits: since === EMPTY_TREE ? Number(repo.line('rev-list', '--count', head)) : Number(repo.line('rev-list', '--count', `${since}..${head}`)),
    files: rows.map((row) => row[2]),
    added: sum(0),
    removed: sum(1),
  };
}

function lookAtPaths(files) {
  for (const path of files) {
    const reason = risk(path);
    if (reason) remark(path, reason);
  }
}

function lookAtAddedLines(since, head) {
  const diff = repo.answer('diff', '--unified=0', '--no-color', '--no-ext-diff', '--no-renames', since, head);
  for (const { path, line, text } of addedLines(diff)) {
    const left = marker(text);
    if (left) remark(`${path}:${line}`, `${left} was added`, left.includes('secret') || left.includes('conflict'));
  }
}

async function askTools(files) {
  for (const tool of toolsFor(repository, files)) {
    const { outcome, said } = await runTool(repository, tool);
    if (outcome === 'not here') continue;
    console.log(`${tool.kind}: ${tool.name}: ${outcome}`);
    if (outcome === 'failed') {
      remark(tool.name, `the ${tool.kind} failed: ${said.split('\n')[0]}`, true);
      writeArtifact(`${tool.kind}-${tool.name.replace(/\W+/g, '-')}.txt`, `${said}\n`);
    }
    if (outcome === 'too slow') remark(tool.name, `had no result after ${tool.seconds} s`);
  }
}

function tell(since, head, { commits, files, added, removed }) {
  if (files.length > LARGE.files || added + removed > LARGE.lines) {
    remark('the change', 'is large: read it in parts');
  }
  const from = since === EMPTY_TREE ? 'the beginning' : since.slice(0, 10);
  console.log(`From ${from} to ${head.slice(0, 10)}: ${count(commits, 'commit')}, ${count(files.length, 'file')}, +${added} -${removed}.`);
  for (const { where, message, grave } of remarks) console.log(`${where}: ${grave ? 'error' : 'remark'}: ${message}`);
  const grave = remarks.filter((entry) => entry.grave).length;
  const summary =
    files.length === 0
      ? 'nothing changed since the last review'
      : `${count(files.length, 'file')}, +${added} -${removed}: ${count(remarks.length - grave, 'remark')}, ${count(grave, 'error')}`;
  console.log(`${summary[0].toUpperCase()}${summary.slice(1)}.`);
  writeArtifact('review.txt', `${remarks.map((entry) => `${entry.where}: ${entry.message}`).join('\n')}\n`);
  writeReport({
    summary,
    outputs: { repository, from: since, to: head, commits, files: files.length, added, removed, remarks: remarks.length, errors: grave },
  });
  process.exitCode = grave > 0 || (flags.has('--strict') && remarks.length > 0) ? 1 : 0;
}
