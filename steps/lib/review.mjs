// What a reviewer looks at first in a change: its size, the paths that can hurt, and what was left behind.

/** A change larger than this deserves a reader's whole attention. */
export const LARGE = { files: 40, lines: 800 };

/** Paths where a small change can do great harm, and why. */
export const RISKY = [
  [/(^|\/)migrations?\//, 'changes the database'],
  [/(^|[/_.-])(auth|authn|authz|authentication|authori[sz]ation|identity|login|sessions?|passwords?|tokens?|permissions?)[/_.-]/i, 'decides who may do what'],
  [/(^|\/)(Dockerfile|docker-compose[^/]*|Makefile|\.ci\/|\.github\/|\.gitlab-ci\.yml)/, 'changes how it is built or shipped'],
  [/(^|\/)(Cargo\.(toml|lock)|package(-lock)?\.json|requirements[^/]*\.txt|go\.(mod|sum))$/, 'changes what it depends on'],
  [/(^|\/)(\.env[^/]*|.*\.(pem|key|p12|pfx))$/, 'may hold a secret'],
];

/** What is left behind in added lines. The words are put together here, so that this file does not find itself. */
const MARKERS = [
  [new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`), 'a note to come back'],
  [/^(<{7}|>{7}|={7})(\s|$)/, 'a conflict marker'],
  [/\bdbg!\(|\bdebugger\b|\bconsole\.debug\(/, 'a debugging aid'],
  [/\b(describe|it|test)\.only\(|#\[ignore\]/, 'a test that leaves others out'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bghp_[A-Za-z0-9]{36}\b/, 'what looks like a secret'],
];

/** The reason for which a path is risky, or undefined. */
export function risk(path) {
  return RISKY.find(([pattern]) => pattern.test(path))?.[1];
}

/** What an added line leaves behind, or undefined. */
export function marker(line) {
  return MARKERS.find(([pattern]) => pattern.test(line))?.[1];
}

/** The added lines of a unified diff without context, as `{ path, line, text }`. */
export function addedLines(diff) {
  const added = [];
  let path;
  let line = 0;
  let inHeader = true;
  for (const text of diff.split('\n')) {
    if (text.startsWith('diff --git ')) {
      inHeader = true;
    } else if (inHeader && text.startsWith('+++ ')) {
      path = text === '+++ /dev/null' ? undefined : text.slice(4).replace(/^"?b\//, '').replace(/"$/, '');
    } else if (text.startsWith('@@ ')) {
      inHeader = false;
      line = Number(/\+(\d+)/.exec(text)[1]);
    } else if (!inHeader && text.startsWith('+')) {
      if (path) added.push({ path, line, text: text.slice(1) });
      line += 1;
    }
  }
  return added;
}
