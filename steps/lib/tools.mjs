// The formatter, the linter and the tests of a repository, where they are present, each within its time.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The tools that have something to say about these changed files. */
export function toolsFor(repository, files) {
  const of = (pattern) => files.filter((path) => pattern.test(path) && existsSync(join(repository, path)));
  const local = (name) => {
    const path = join(repository, 'node_modules', '.bin', name);
    return existsSync(path) ? path : undefined;
  };
  const tools = [];
  const add = (kind, name, program, words, seconds = 60) => {
    if (program) tools.push({ kind, name, argv: [program, ...words], seconds });
  };
  const rust = of(/\.rs$/);
  if (rust.length > 0) {
    add('formatter', 'rustfmt', onPath('rustfmt'), ['--check', '--edition', rustEdition(repository), ...rust]);
  }
  const scripts = of(/\.(mjs|cjs|js|ts)$/);
  if (scripts.length > 0) {
    add('formatter', 'prettier', local('prettier'), ['--check', ...scripts]);
    add('linter', 'eslint', local('eslint'), scripts);
    for (const path of scripts.filter((script) => script.endsWith('.mjs')).slice(0, 50)) {
      add('linter', `node --check ${path}`, process.execPath, ['--check', path], 10);
    }
  }
  for (const path of of(/\.sh$/).slice(0, 50)) add('linter', `sh -n ${path}`, onPath('sh'), ['-n', path], 10);
  if (scripts.length > 0 && hasNodeTests(repository)) {
    add('tests', 'npm test', onPath('npm'), ['test', '--silent'], 180);
  }
  return tools;
}

/** Runs one tool to its end or its time; answers `passed`, `failed`, `too slow` or `not here`, and what it said. */
export function runTool(repository, tool) {
  return new Promise((resolve) => {
    const env = { ...process.env, CI: '1', NO_COLOR: '1', WATCHBILL_REPORT: '', WATCHBILL_ARTIFACTS: '' };
    const child = spawn(tool.argv[0], tool.argv.slice(1), {
      cwd: repository,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    const hear = (part) => {
      if (said.length < 20_000) said += part;
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    let slow = false;
    const timer = setTimeout(() => {
      slow = true;
      // The whole group: a test runner starts processes of its own.
      process.kill(-child.pid, 'SIGKILL');
    }, tool.seconds * 1000);
    child.on('error', () => {
      clearTimeout(timer);
      resolve({ outcome: 'not here', said: '' });
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ outcome: slow ? 'too slow' : code === 0 ? 'passed' : 'failed', said: said.trim() });
    });
  });
}

/** A program that is there and starts; a toolchain's shim without a toolchain does not. */
function onPath(name) {
  const tried = spawnSync(name, [name === 'sh' ? '-c' : '--version', ':'], { stdio: 'ignore', timeout: 10_000 });
  return tried.status === 0 ? name : undefined;
}

function rustEdition(repository) {
  try {
    return /edition\s*=\s*"(\d{4})"/.exec(readFileSync(join(repository, 'Cargo.toml'), 'utf8'))?.[1] ?? '2021';
  } catch {
    return '2021';
  }
}

function hasNodeTests(repository) {
  try {
    const { scripts } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
    return Boolean(scripts?.test) && existsSync(join(repository, 'node_modules'));
  } catch {
    return false;
  }
}
