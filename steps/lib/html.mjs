// Reading a page: what a search engine and a screen reader take from it.
import { parse } from 'parse5';

/** Every element of a parsed document, in order; templates are left alone. */
function* elements(node) {
  for (const child of node.childNodes ?? []) {
    if (child.tagName) yield child;
    yield* elements(child);
  }
}

/** An attribute's value, or undefined. */
export function attribute(element, name) {
  return element.attrs.find((attr) => attr.name === name)?.value;
}

/** The text inside an element, with white space folded. */
export function text(element) {
  const parts = [];
  const walk = (node) => {
    if (node.nodeName === '#text') parts.push(node.value);
    for (const child of node.childNodes ?? []) walk(child);
  };
  walk(element);
  return parts.join('').replace(/\s+/g, ' ').trim();
}

/** What a link says to those who cannot see it: its text, its label, or the alt text within. */
function accessibleName(element) {
  const images = [...elements(element)]
    .filter((inner) => inner.tagName === 'img' || inner.tagName === 'svg')
    .map((image) => attribute(image, 'alt') ?? attribute(image, 'aria-label') ?? '');
  return [attribute(element, 'aria-label') ?? '', text(element), ...images, attribute(element, 'title') ?? '']
    .join(' ')
    .trim();
}

const line = (element) => element.sourceCodeLocation?.startLine ?? 1;

/** Takes from a page's source what the rules ask about. */
export function readPage(source) {
  const document = parse(source, { sourceCodeLocationInfo: true });
  const all = [...elements(document)];
  const named = (name) => all.filter((element) => element.tagName === name);
  const head = all.find((element) => element.tagName === 'head');
  const titles = [...elements(head ?? { childNodes: [] })].filter((element) => element.tagName === 'title');
  const meta = named('meta').find(
    (element) => attribute(element, 'name')?.toLowerCase() === 'description',
  );
  const relation = (element) => (attribute(element, 'rel') ?? '').toLowerCase().split(/\s+/);
  return {
    title: titles[0] && { text: text(titles[0]), line: line(titles[0]) },
    description: meta && { text: (attribute(meta, 'content') ?? '').trim(), line: line(meta) },
    canonicals: named('link')
      .filter((element) => relation(element).includes('canonical'))
      .map((element) => ({ href: (attribute(element, 'href') ?? '').trim(), line: line(element) })),
    headings: all
      .filter((element) => /^h[1-6]$/.test(element.tagName))
      .map((element) => ({ level: Number(element.tagName[1]), text: text(element), line: line(element) })),
    links: named('a')
      .filter((element) => attribute(element, 'href') !== undefined)
      .map((element) => ({
        href: attribute(element, 'href').trim(),
        name: accessibleName(element),
        line: line(element),
      })),
    images: named('img').map((element) => ({
      src: attribute(element, 'src') ?? '',
      alt: attribute(element, 'alt'),
      caption: captionOf(element),
      line: line(element),
      location: element.sourceCodeLocation,
    })),
    anchors: new Set(
      all
        .flatMap((element) => [attribute(element, 'id'), element.tagName === 'a' && attribute(element, 'name')])
        .filter(Boolean),
    ),
    noindex: named('meta').some(
      (element) =>
        attribute(element, 'name')?.toLowerCase() === 'robots' &&
        (attribute(element, 'content') ?? '').toLowerCase().includes('noindex'),
    ),
    base: attribute(named('base')[0] ?? { attrs: [] }, 'href'),
    headEnd: head?.sourceCodeLocation?.endTag?.startOffset,
  };
}

/** The caption of the figure that an image stands in. */
function captionOf(image) {
  let node = image.parentNode;
  while (node && node.tagName !== 'figure') node = node.parentNode;
  if (!node) return undefined;
  const caption = [...elements(node)].find((element) => element.tagName === 'figcaption');
  return caption ? text(caption) : undefined;
}
