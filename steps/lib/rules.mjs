// The rules of seo.validate. Each finding names the page, the line, the rule and what to do.

export const TITLE = { least: 10, most: 65 };
export const DESCRIPTION = { least: 50, most: 165 };

/** The rules that make a page unusable for some readers; the others are warnings. */
const ERRORS = new Set([
  'title-missing',
  'description-missing',
  'canonical-missing',
  'canonical-elsewhere',
  'heading-h1-missing',
  'link-broken',
  'link-fragment',
  'image-alt-missing',
]);

/** `error` or `warning`. */
export const severity = (rule) => (ERRORS.has(rule) ? 'error' : 'warning');

/**
 * Checks all pages of a site, each `{ path, url, page }`; `url` is absent for a folder without a known address.
 * `target(page, href)` answers `{ exists, page }` for a link inside the site and undefined for any other.
 */
export function checkSite(pages, target) {
  const findings = pages.flatMap((entry) => checkPage(entry, target));
  findings.push(...duplicates(pages, 'title'), ...duplicates(pages, 'description'));
  return findings.sort(
    (a, b) => compare(a.page, b.page) || a.line - b.line || compare(a.rule, b.rule),
  );
}

const compare = (a, b) => (a < b ? -1 : Number(a > b));

function checkPage(entry, target) {
  const findings = [];
  const found = (rule, line, message) =>
    findings.push({ page: entry.path, line, rule, severity: severity(rule), message });
  checkLength(entry.page.title, 'title', TITLE, found);
  checkLength(entry.page.description, 'description', DESCRIPTION, found);
  checkCanonical(entry, found);
  checkHeadings(entry.page.headings, found);
  checkLinks(entry, target, found);
  for (const image of entry.page.images) {
    if (image.alt === undefined) {
      found('image-alt-missing', image.line, `the image ${image.src} has no alt text (alt="" if it only decorates)`);
    }
  }
  return findings;
}

function checkLength(value, name, { least, most }, found) {
  if (!value?.text) {
    found(`${name}-missing`, value?.line ?? 1, `the page has no ${name}`);
  } else if (value.text.length < least || value.text.length > most) {
    found(
      `${name}-length`,
      value.line,
      `the ${name} has ${value.text.length} characters; between ${least} and ${most} are shown whole`,
    );
  }
}

function checkCanonical({ page, url }, found) {
  const [first, ...others] = page.canonicals;
  if (!first?.href) {
    // A page that asks not to be indexed needs no address.
    if (!page.noindex) found('canonical-missing', first?.line ?? 1, 'the page does not say what its own address is');
    return;
  }
  if (others.length > 0) {
    found('canonical-multiple', others[0].line, `the page gives ${page.canonicals.length} canonical addresses`);
  }
  const address = isUrl(first.href) ? new URL(first.href) : undefined;
  if (!address) {
    found('canonical-relative', first.line, `the canonical address ${first.href} is not absolute`);
  } else if (url && address.href !== url) {
    found('canonical-elsewhere', first.line, `the canonical address is ${address.href}, the page's own is ${url}`);
  }
}

function isUrl(value) {
  try {
    return Boolean(new URL(value));
  } catch {
    return false;
  }
}

function checkHeadings(headings, found) {
  const first = headings.filter((heading) => heading.level === 1);
  if (first.length === 0) found('heading-h1-missing', 1, 'the page has no first heading (h1)');
  for (const other of first.slice(1)) {
    found('heading-h1-multiple', other.line, `"${other.text}" is another first heading (h1)`);
  }
  headings.forEach((heading, i) => {
    const before = headings[i - 1]?.level ?? heading.level;
    if (heading.level > before + 1) {
      found('heading-order', heading.line, `"${heading.text}" is an h${heading.level} right after an h${before}`);
    }
    if (!heading.text) found('heading-empty', heading.line, `an h${heading.level} is empty`);
  });
}

function checkLinks({ page, path }, target, found) {
  for (const link of page.links) {
    if (!link.name) found('link-empty', link.line, `the link to ${link.href || 'nowhere'} has no text`);
    const there = target({ page, path }, link.href);
    if (!there) continue;
    if (!there.exists) {
      found('link-broken', link.line, `the link to ${link.href} leads to nothing`);
    } else if (there.fragment && there.page && !there.page.anchors.has(there.fragment)) {
      found('link-fragment', link.line, `nothing on the page is called #${there.fragment}`);
    }
  }
}

/** All but the first page that carry the same text. */
function duplicates(pages, name) {
  const seen = new Map();
  const findings = [];
  for (const { path, page } of pages) {
    const value = page[name]?.text;
    if (!value) continue;
    const first = seen.get(value);
    if (first === undefined) {
      seen.set(value, path);
    } else {
      const rule = `${name}-duplicate`;
      findings.push({
        page: path,
        line: page[name].line,
        rule,
        severity: severity(rule),
        message: `the ${name} is the same as that of ${first}`,
      });
    }
  }
  return findings;
}
