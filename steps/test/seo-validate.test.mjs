// seo.validate on real input: the example site, the same site over HTTP, and a town's real pages.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkout, exampleSite, scratch, step, steps, write } from './support.mjs';

const faults = JSON.parse(readFileSync(join(exampleSite, 'faults.json'), 'utf8'));
const key = ({ page, rule }) => `${page} ${rule}`;

test('the example site has the faults that it says it has, and no other', (t) => {
  const folder = scratch(t);
  const done = step(folder, 'seo-validate.mjs', ['--strict', '--dry-run', exampleSite]);
  assert.equal(done.status, 1, done.stderr);
  const found = JSON.parse(done.artifact('findings.json'));
  assert.deepEqual(found.map(key).sort(), faults.seo.map(key).sort());
  const lines = done.stdout.split('\n').filter((line) => /^\S+:\d+: (error|warning): .+ \[[a-z0-9-]+\]$/.test(line));
  assert.equal(lines.length, found.length, 'one line for one finding');
  assert.equal(done.report.outputs.pages, 12);
  assert.equal(done.report.outputs.findings, 12);
  assert.equal(done.report.outputs.by_rule['image-alt-missing'], 2);
  assert.match(done.report.summary, /^12 findings in 12 pages/);
  assert.deepEqual(done.artifacts, ['findings.json', 'findings.txt']);
});

test('FAULTS.md says the same as faults.json', () => {
  const rows = readFileSync(join(exampleSite, 'FAULTS.md'), 'utf8')
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter((cells) => cells.length > 3 && /^[a-z0-9]+(-[a-z0-9]+)+$/.test(cells[2]))
    .map((cells) => `${cells[1]} ${cells[2]}`);
  assert.deepEqual(rows.sort(), [...faults.seo, ...faults.format].map(key).sort());
});

test('without --strict warnings do not fail it', (t) => {
  const folder = scratch(t);
  const html = '<!DOCTYPE html><title>Boats</title><meta name="robots" content="noindex"><h1>a</h1>';
  write(folder, { 'site/a.html': `${html}<meta name="description" content="short">` });
  assert.equal(step(folder, 'seo-validate.mjs', ['--dry-run', 'site']).status, 0);
  assert.equal(step(folder, 'seo-validate.mjs', ['--strict', '--dry-run', 'site']).status, 1);
});

test('without --dry-run what is mechanical is repaired, once', (t) => {
  const folder = scratch(t);
  cpSync(exampleSite, join(folder, 'site'), { recursive: true });
  step(folder, 'seo-validate.mjs', ['site']);
  const after = step(folder, 'seo-validate.mjs', ['--dry-run', 'site']);
  assert.equal(after.report.outputs.findings, 9);
  assert.match(readFileSync(join(folder, 'site/services/waste.html'), 'utf8'), /^ {4}<title>Waste and recycling<\/title>$/m);
  const again = step(folder, 'seo-validate.mjs', ['site']);
  assert.doesNotMatch(again.stdout, /repaired/);
});

test('a dry run changes nothing', (t) => {
  const folder = scratch(t);
  cpSync(exampleSite, join(folder, 'site'), { recursive: true });
  const before = statSync(join(folder, 'site/services/waste.html')).mtimeMs;
  step(folder, 'seo-validate.mjs', ['--strict', '--dry-run', 'site']);
  assert.equal(statSync(join(folder, 'site/services/waste.html')).mtimeMs, before);
});

test('what cannot be read is said, with exit code 2', (t) => {
  const folder = write(scratch(t), { 'empty/readme.txt': 'no page' });
  for (const [words, said] of [
    [['--dry-run', 'nowhere'], /neither a folder nor an address/],
    [['--dry-run', 'empty'], /no HTML page/],
    [['--dry-run'], /Which site/],
    [['--fast', 'empty'], /--fast is not understood/],
    [['--dry-run', 'http://127.0.0.1:9/'], /could not be read/],
  ]) {
    const done = step(folder, 'seo-validate.mjs', words);
    assert.equal(done.status, 2);
    assert.match(done.stderr, said);
    assert.equal(done.report, undefined);
  }
});

test('a site at an address is followed from page to page', async (t) => {
  const types = { html: 'text/html; charset=utf-8', css: 'text/css', svg: 'image/svg+xml' };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://x').pathname).replace(/\/$/, '/index.html');
    const file = join(exampleSite, path);
    if (!existsSync(file)) {
      response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not here</h1>');
    } else {
      response.writeHead(200, { 'content-type': types[path.split('.').pop()] }).end(readFileSync(file));
    }
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(() => server.close());
  const folder = scratch(t);
  const address = `http://127.0.0.1:${server.address().port}/`;
  const report = join(folder, 'report.json');
  // Not synchronously: the server answers from this very process.
  const status = await new Promise((ended) => {
    spawn(process.execPath, [join(steps, 'seo-validate.mjs'), '--strict', '--dry-run', address], {
      env: { PATH: process.env.PATH, WATCHBILL_REPORT: report },
      stdio: 'ignore',
    }).on('close', ended);
  });
  assert.equal(status, 1);
  const { outputs } = JSON.parse(readFileSync(report, 'utf8'));
  assert.equal(outputs.by_rule['link-broken'], 1);
  assert.equal(outputs.by_rule['link-fragment'], 1);
  assert.equal(outputs.by_rule['title-missing'], 1);
  assert.equal(outputs.by_rule['image-alt-missing'], 2);
});

const municipal = join(checkout, '..', 'shared', 'data', 'municipal-site');
const absent = !existsSync(municipal) && 'the folder ../shared is absent: the real pages are not looked at';
test("a town's real pages", { skip: absent }, (t) => {
  const done = step(scratch(t), 'seo-validate.mjs', ['--strict', '--dry-run', municipal]);
  assert.equal(done.status, 1);
  assert.equal(done.report.outputs.pages, 6);
  assert.deepEqual(done.report.outputs.by_rule, {
    'canonical-missing': 6,
    'description-missing': 6,
    'title-missing': 6,
  });
});
