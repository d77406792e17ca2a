#!/usr/bin/env node
// dx.apply: applies the patch that a person has signed, on the branch it was prepared for. The signature is
// bound to dx.integrate's outputs and files, and Watchbill lays out just these: no other patch is applied.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readArguments } from './lib/arguments.mjs';
import { commit, git } from './lib/git.mjs';
import { PATCH, giveUp, writeArtifact, writeReport } from './lib/report.mjs';
import { keep, remember, stateFolder } from './lib/state.mjs';

const usage = `Usage: dx-apply.mjs [--from TASK]

Applies what TASK (by default dx.integrate) prepared and a person approved. Run by Watchbill, which tells it
in WATCHBILL_UPSTREAM, or in a file where that is long, what earlier tasks of the run put out, and lays their
files out in the folder that WATCHBILL_USES names.

Exit code 0: applied, now or before; 2: it is not what was signed, or it does not apply.`;

const { options } = readArguments({ usage, options: ['--from'] });
const from = options['--from'] ?? 'dx.integrate';
const { repository, branch, base, patch_sha256: signed } = signedOutputs();
const state = stateFolder('dx', repository);
const clone = git(join(state, 'clone'), state);

try {
  const patch = signedPatch();
  const already = appliedBefore();
  const applied = already ?? apply(patch);
  // The next night looks at what came after the state that was repaired.
  keep(state, { ...remember(state), integrated: base });
  const summary = `${already ? 'was already' : 'applied'} on ${branch}: commit ${applied.slice(0, 10)}`;
  console.log(`${clone.line('show', '--stat', '--format=%h %s', applied)}\n`);
  console.log(`${summary[0].toUpperCase()}${summary.slice(1)}.`);
  const kept = writeArtifact('applied.patch', clone.answer('format-patch', '-1', '--stdout', '--binary', applied));
  console.log(`Fetch it with: git fetch ${join(state, 'clone')} ${branch}`);
  if (kept) console.log('Or download applied.patch, and: git am applied.patch');
  writeReport({ summary, outputs: { repository, branch, commit: applied, patch_sha256: signed } });
} catch (error) {
  giveUp(error.message);
}

/** What the earlier task put out and a person signed. */
function signedOutputs() {
  const { WATCHBILL_UPSTREAM: given, WATCHBILL_UPSTREAM_FILE: file } = process.env;
  if (!given && !file) giveUp(`Nothing was signed: this runs inside Watchbill only.\n${usage}`);
  let task;
  try {
    task = JSON.parse(given ?? readFileSync(file, 'utf8'))[from];
  } catch (error) {
    giveUp(`WATCHBILL_UPSTREAM cannot be read: ${error.message}`);
  }
  if (task?.approval !== 'approved') giveUp(`${from} is not approved: nothing is applied.`);
  const outputs = task.outputs ?? {};
  if (!/^[0-9a-f]{64}$/.test(outputs.patch_sha256 ?? '')) giveUp(`${from} names no patch: nothing to apply.`);
  return outputs;
}

/** The patch, if it is byte for byte the one that was signed. */
function signedPatch() {
  const { WATCHBILL_USES: used } = process.env;
  const path = used && join(used, from, PATCH);
  if (!path || !existsSync(path)) {
    throw new Error(`${from} left no ${PATCH} for this task: have it among what the task needs, or in its 'uses'`);
  }
  const patch = readFileSync(path);
  const found = createHash('sha256').update(patch).digest('hex');
  if (found !== signed) throw new Error(`the patch is not the one that was signed: it is ${found}, not ${signed}`);
  return patch;
}

/** The commit of an earlier try at the same patch. */
function appliedBefore() {
  if (!commit(clone, branch)) return undefined;
  const found = clone.line('log', '--format=%H', '--fixed-strings', `--grep=${trailer()}`, `${base}..${branch}`);
  return found.split('\n')[0] || undefined;
}

function apply(patch) {
  if (commit(clone, branch) !== base) {
    throw new Error(`${branch} is no longer at ${base}, which the patch was made for; the next night makes a new one`);
  }
  clone.answer('checkout', '--quiet', '--force', branch);
  clone.answer('clean', '--quiet', '-fd');
  clone.give(patch, 'apply', '--index', '--binary', '-');
  clone.answer('commit', '--quiet', '--no-verify', '-m', 'Repair what the night found', '-m', trailer());
  return clone.line('rev-parse', 'HEAD');
}

function trailer() {
  return `Signed-patch-sha256: ${signed}`;
}
