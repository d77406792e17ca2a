// A site as pages: read from a folder of HTML files, or fetched from its address.
import { existsSync, lstatSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import { readPage } from './html.mjs';

/** What one look at a site may cost. */
const MOST_PAGES = 500;
const MOST_BYTES = 4 * 1024 * 1024;
const FETCH_TIMEOUT_MS = 10_000;
const AT_ONCE = 4;

/** Stands for the site's address while a folder does not tell it. */
const NOWHERE = 'https://folder.invalid/';

/** Opens a folder or an address as `{ pages, target, cut }`. */
export async function openSite(place) {
  return /^https?:\/\//.test(place) ? fetchSite(new URL(place)) : readFolder(place);
}

/** All HTML files below a folder, in order. */
export function htmlFiles(folder) {
  const found = [];
  const walk = (at) => {
    for (const name of readdirSync(at).sort()) {
      if (name.startsWith('.') || name === 'node_modules') continue;
      const path = join(at, name);
      const kind = lstatSync(path);
      if (kind.isDirectory()) walk(path);
      else if (kind.isFile() && /\.html?$/i.test(name) && kind.size <= MOST_BYTES) found.push(path);
    }
  };
  walk(folder);
  return found.map((path) => relative(folder, path).split(sep).join('/'));
}

/** A page's place below the site's address: `harbour/` for `harbour/index.html`. */
export const pagePath = (path) => path.replace(/(^|\/)index\.html?$/i, '$1');

/** The site's address, as most of the pages' canonical links have it; undefined where none tells. */
export function siteBase(pages) {
  const votes = new Map();
  for (const { path, page } of pages) {
    const href = page.canonicals[0]?.href ?? '';
    const own = pagePath(path);
    if (!/^https?:\/\//.test(href) || !href.endsWith(`/${own}`)) continue;
    const base = href.slice(0, href.length - own.length);
    votes.set(base, (votes.get(base) ?? 0) + 1);
  }
  return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0];
}

function readFolder(folder) {
  const files = htmlFiles(folder);
  const cut = files.length > MOST_PAGES;
  const pages = files.slice(0, MOST_PAGES).map((path) => {
    const source = readFileSync(join(folder, path), 'utf8');
    return { path, source, page: readPage(source) };
  });
  const base = siteBase(pages);
  const byPath = new Map(pages.map((entry) => [entry.path, entry]));
  for (const entry of pages) if (base) entry.url = new URL(pagePath(entry.path), base).href;

  const target = ({ path, page }, href) => {
    const url = resolve(href, new URL(path, base ?? NOWHERE), page.base);
    if (!url || !url.href.startsWith(base ?? NOWHERE)) return undefined;
    const there = decode(url.pathname.slice(new URL(base ?? NOWHERE).pathname.length));
    if (there === undefined) return { exists: false };
    const file = [there, posix.join(there, 'index.html'), `${there}.html`].find((name) =>
      isFile(folder, name),
    );
    return { exists: file !== undefined, page: byPath.get(file)?.page, fragment: fragment(url) };
  };
  return { pages, base, target, cut };
}

function isFile(folder, name) {
  const path = join(folder, name);
  const inside = !relative(folder, path).startsWith('..');
  return inside && existsSync(path) && statSync(path).isFile();
}

async function fetchSite(start) {
  const root = new URL('.', start).href;
  const answers = new Map();
  const waiting = [without(start)];
  const planned = new Set(waiting);
  const visit = async (address) => {
    const answer = await fetchPage(address);
    answers.set(address, answer);
    for (const link of answer.page?.links ?? []) {
      const url = resolve(link.href, new URL(answer.url), answer.page.base);
      if (!url || !url.href.startsWith(root)) continue;
      const next = without(url);
      if (planned.has(next) || planned.size >= MOST_PAGES) continue;
      planned.add(next);
      waiting.push(next);
    }
  };
  while (waiting.length > 0) await Promise.all(waiting.splice(0, AT_ONCE).map(visit));

  const first = answers.get(without(start));
  if (!first?.page) throw new Error(`${start.href} gave no page: ${first?.problem ?? 'it is not HTML'}`);
  const pages = [...answers]
    .filter(([address, answer]) => answer.page && answer.url === address)
    .map(([address, answer]) => ({
      path: address.slice(root.length) || '/',
      url: address,
      page: answer.page,
    }));
  const target = ({ path, page }, href) => {
    const from = new URL(path === '/' ? root : path, root);
    const url = resolve(href, from, page.base);
    const answer = url && answers.get(without(url));
    return answer && { exists: answer.exists, page: answer.page, fragment: fragment(url) };
  };
  return { pages, base: root, target, cut: planned.size >= MOST_PAGES };
}

async function fetchPage(address) {
  try {
    const response = await fetch(address, {
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
      headers: { accept: 'text/html' },
    });
    const html = (response.headers.get('content-type') ?? '').includes('text/html');
    if (!response.ok || !html) {
      await response.body?.cancel();
      return { exists: response.ok, problem: `status ${response.status}`, url: without(new URL(response.url)) };
    }
    const source = await readBounded(response);
    return { exists: true, url: without(new URL(response.url)), page: readPage(source) };
  } catch (error) {
    return { exists: false, url: address, problem: error.message };
  }
}

async function readBounded(response) {
  const parts = [];
  let bytes = 0;
  for await (const part of response.body) {
    bytes += part.length;
    if (bytes > MOST_BYTES) throw new Error(`the page is larger than ${MOST_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** The absolute address of a link; undefined for what leads to no page (`mailto:`) or is no address. */
function resolve(href, from, base) {
  try {
    const url = new URL(href, base === undefined ? from : new URL(base, from));
    return /^https?:$/.test(url.protocol) ? url : undefined;
  } catch {
    return undefined;
  }
}

/** An address without its fragment. */
function without(url) {
  const bare = new URL(url);
  bare.hash = '';
  return bare.href;
}

/** The name a link asks for on the page; `#top` is always there. */
function fragment(url) {
  const name = decode(url.hash.slice(1));
  return name === '' || name?.toLowerCase() === 'top' ? undefined : name;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
