#!/usr/bin/env node
// seo.validate: title, description, canonical, headings, links and alt texts of every page of a site.
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readArguments } from './lib/arguments.mjs';
import { repairPage } from './lib/repair.mjs';
import { count, giveUp, writeArtifact, writeReport } from './lib/report.mjs';
import { checkSite } from './lib/rules.mjs';
import { openSite } from './lib/site.mjs';

const usage = `Usage: seo-validate.mjs [--strict] [--dry-run] FOLDER|URL

Checks every page of a folder of HTML files, or of a site from its address.
  --strict    warnings count as errors
  --dry-run   look only; without it, what is mechanical is repaired in the files of a folder

Exit code 0: nothing found; 1: findings; 2: the site could not be read.`;

const { flags, place } = readArguments({ usage, flags: ['--strict', '--dry-run'] });
if (!place) giveUp(`Which site? Give a folder or an address.\n${usage}`);
const strict = flags.has('--strict');
const isAddress = /^https?:\/\//.test(place);
if (!isAddress && !(existsSync(place) && statSync(place).isDirectory())) {
  giveUp(`${place} is neither a folder nor an address that starts with http:// or https://.`);
}

const site = await openSite(place).catch((error) => giveUp(`${place} could not be read: ${error.message}`));
if (site.pages.length === 0) giveUp(`${place} holds no HTML page.`);

const findings = checkSite(site.pages, site.target);
for (const { page, line, severity, rule, message } of findings) {
  console.log(`${page}:${line}: ${severity}: ${message} [${rule}]`);
}

const byRule = {};
for (const { rule } of findings) byRule[rule] = (byRule[rule] ?? 0) + 1;
const errors = findings.filter((finding) => finding.severity === 'error').length;
const warnings = findings.length - errors;
const summary =
  findings.length === 0
    ? `${count(site.pages.length, 'page')}, nothing found`
    : `${count(findings.length, 'finding')} in ${count(site.pages.length, 'page')}: ` +
      `${count(errors, 'error')}, ${count(warnings, 'warning')}`;
console.log(`${findings.length > 0 ? '\n' : ''}${summary}.`);
if (site.cut) console.log(`The site has more pages than were looked at: the first ${site.pages.length} only.`);

writeArtifact('findings.txt', findingsByPage());
writeArtifact('findings.json', `${JSON.stringify(findings, null, 2)}\n`);
writeReport({
  summary,
  outputs: {
    site: place,
    pages: site.pages.length,
    findings: findings.length,
    errors,
    warnings,
    by_rule: byRule,
    complete: !site.cut,
  },
});

if (!flags.has('--dry-run')) repairFolder();
process.exitCode = errors > 0 || (strict && warnings > 0) ? 1 : 0;

/** The findings as a page to read, grouped by page. */
function findingsByPage() {
  const lines = [`${place}: ${summary}.`];
  let page;
  for (const finding of findings) {
    if (finding.page !== page) {
      page = finding.page;
      lines.push('', page);
    }
    lines.push(`  line ${finding.line}, ${finding.severity}: ${finding.message} [${finding.rule}]`);
  }
  return `${lines.join('\n')}\n`;
}

function repairFolder() {
  if (isAddress) {
    console.log('A site at an address cannot be repaired from here: nothing was changed.');
    return;
  }
  for (const { path, source } of site.pages) {
    const mended = repairPage(path, source, site.base);
    if (mended.done.length === 0) continue;
    writeFileSync(join(place, path), mended.source);
    for (const { rule } of mended.done) console.log(`${path}: repaired [${rule}]`);
  }
}
