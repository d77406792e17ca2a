// Whether what the code asks for is declared, and what is declared is locked.
import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';

/** Checks the npm and Cargo manifests at the top of a repository; each finding names file and rule. */
export function checkDependencies(folder, scripts) {
  return [...checkNpm(folder, scripts), ...checkCargo(folder)];
}

function checkNpm(folder, scripts) {
  const manifest = readJson(join(folder, 'package.json'));
  if (!manifest) return [];
  const findings = [];
  const found = (page, rule, message) => findings.push({ page, rule, message });
  const declared = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.peerDependencies };
  for (const [name, range] of Object.entries(declared)) {
    if (/^(\*|x|latest|)$/.test(range)) {
      found('package.json', 'dependency-unbounded', `${name} may be of any version ("${range}")`);
    }
  }
  const lock = readJson(join(folder, 'package-lock.json'));
  if (!lock && Object.keys(declared).length > 0) {
    found('package.json', 'lock-missing', 'there is no package-lock.json beside it');
  }
  const locked = lock?.packages?.[''];
  for (const [name, range] of locked ? Object.entries(declared) : []) {
    const there = { ...locked.dependencies, ...locked.devDependencies, ...locked.peerDependencies }[name];
    if (there !== range) {
      found('package-lock.json', 'lock-stale', `${name} is locked for ${there ?? 'nothing'}, declared as ${range}`);
    }
  }
  for (const path of scripts) {
    for (const name of importedPackages(readFileSync(join(folder, path), 'utf8'))) {
      if (name !== manifest.name && !(name in declared)) {
        found(path, 'dependency-undeclared', `imports ${name}, which package.json does not declare`);
      }
    }
  }
  return findings;
}

/** The packages that a module imports: neither its own files nor Node's. */
export function importedPackages(source) {
  const names = new Set();
  const statement = /^\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?['"]([^'"]+)['"]/gm;
  const dynamic = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
  for (const [, specifier] of [...source.matchAll(statement), ...source.matchAll(dynamic)]) {
    if (/^[./#]|^node:|^[a-z]+:\/\//.test(specifier)) continue;
    const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
    if (!builtinModules.includes(name)) names.add(name);
  }
  return names;
}

function checkCargo(folder) {
  const manifest = read(join(folder, 'Cargo.toml'));
  if (manifest === undefined) return [];
  const findings = [];
  if (!existsSync(join(folder, 'Cargo.lock'))) {
    findings.push({ page: 'Cargo.toml', rule: 'lock-missing', message: 'there is no Cargo.lock beside it' });
  }
  for (const [, name] of manifest.matchAll(/^([\w-]+)\s*=\s*(?:"\*"|\{[^}]*version\s*=\s*"\*"[^}]*\})/gm)) {
    findings.push({ page: 'Cargo.toml', rule: 'dependency-unbounded', message: `${name} may be of any version` });
  }
  return findings;
}

function read(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

function readJson(path) {
  const text = read(path);
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
