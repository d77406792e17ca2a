// Repairs that need no judgement; everything else is left for a person.
import { pagePath } from './site.mjs';
import { readPage } from './html.mjs';

/**
 * Mends a page's source: a missing title from its first heading, a missing canonical link from the site's
 * address, a missing alt text from the figure's caption. Answers the new source and what was done.
 */
export function repairPage(path, source, base) {
  const page = readPage(source);
  const edits = [];
  const done = [];
  const inHead = (markup, rule) => {
    if (page.headEnd === undefined) return;
    edits.push({ at: page.headEnd, markup: lineInHead(source, page.headEnd, markup) });
    done.push({ page: path, rule });
  };
  const heading = page.headings.find((entry) => entry.level === 1 && entry.text);
  if (!page.title && heading) inHead(`<title>${escape(heading.text)}</title>`, 'title-missing');
  if (page.canonicals.length === 0 && base && !page.noindex) {
    const own = new URL(pagePath(path), base).href;
    inHead(`<link rel="canonical" href="${escape(own)}">`, 'canonical-missing');
  }
  for (const image of page.images) {
    if (image.alt === undefined && image.caption && image.location) {
      edits.push({ at: image.location.startOffset + '<img'.length, markup: ` alt="${escape(image.caption)}"` });
      done.push({ page: path, rule: 'image-alt-missing' });
    }
  }
  return { source: apply(source, edits), done };
}

/** Ends lines where their text ends, and the file with one newline. */
export function repairText(path, source) {
  const done = [];
  let mended = source;
  // Two spaces at the end of a line of Markdown are a line break.
  if (!/\.(md|diff|patch)$/i.test(path) && /[ \t]+(?=\r?\n|$)/.test(mended)) {
    const trimmed = mended.replace(/[ \t]+(?=\r?\n|$)/g, '');
    if (trimmed !== mended) done.push({ page: path, rule: 'trailing-whitespace' });
    mended = trimmed;
  }
  if (mended !== '' && !mended.endsWith('\n')) {
    done.push({ page: path, rule: 'final-newline' });
    mended += '\n';
  }
  return { source: mended, done };
}

/** Inserts from the end backwards, so that no edit moves another's place. */
function apply(source, edits) {
  return edits
    .map((edit, order) => ({ ...edit, order }))
    .sort((a, b) => b.at - a.at || b.order - a.order)
    .reduce((text, { at, markup }) => text.slice(0, at) + markup + text.slice(at), source);
}

/** A line of its own before `</head>`, two spaces further in than that. */
function lineInHead(source, at, markup) {
  const before = source.slice(source.lastIndexOf('\n', at - 1) + 1, at);
  return /^\s*$/.test(before) ? `  ${markup}\n${before}` : `\n${markup}\n`;
}

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
