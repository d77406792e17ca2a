// Each rule of seo.validate on the smallest page that breaks it, and on one that does not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSite } from '../lib/site.mjs';
import { checkSite } from '../lib/rules.mjs';
import { scratch, write } from './support.mjs';

const sound = {
  title: '<title>A page about boats</title>',
  description: `<meta name="description" content="${'All about the boats of the harbour. '.repeat(2)}">`,
  canonical: '<link rel="canonical" href="https://h.example/a.html">',
  body: '<h1>Boats</h1><h2>Small</h2><h3>Very</h3><h2>Large</h2><p><a href="#x">Down</a></p><p id="x">.</p>',
};
const page = (changes) => {
  const { title, description, canonical, body } = { ...sound, ...changes };
  return `<!DOCTYPE html><html lang="en"><head>${title}${description}${canonical}</head><body>${body}</body></html>`;
};

const cases = [
  ['a sound page', {}, []],
  ['no title', { title: '' }, ['title-missing']],
  ['a title of white space', { title: '<title> \n </title>' }, ['title-missing']],
  ['an svg title is no title', { title: '', body: '<svg><title>A long drawing</title></svg><h1>x</h1>' }, ['title-missing']],
  ['a short title', { title: '<title>Boats</title>' }, ['title-length']],
  ['no description', { description: '' }, ['description-missing']],
  ['a long description', { description: `<meta name="Description" content="${'x'.repeat(166)}">` }, ['description-length']],
  ['no canonical', { canonical: '' }, ['canonical-missing']],
  ['no canonical, not indexed', { canonical: '<meta name="robots" content="noindex">' }, []],
  ['a relative canonical', { canonical: '<link rel="canonical" href="/a.html">' }, ['canonical-relative']],
  ['two canonicals', { canonical: sound.canonical.repeat(2) }, ['canonical-multiple']],
  ['no h1', { body: '<h2>Boats</h2>' }, ['heading-h1-missing']],
  ['two h1', { body: '<h1>a</h1><h1>b</h1>' }, ['heading-h1-multiple']],
  ['a skipped level', { body: '<h1>a</h1><h3>b</h3>' }, ['heading-order']],
  ['an empty heading', { body: '<h1>a</h1><h2></h2>' }, ['heading-empty']],
  ['no alt', { body: '<h1>a</h1><img src="x.png">' }, ['image-alt-missing']],
  ['an empty alt', { body: '<h1>a</h1><img src="x.png" alt="">' }, []],
  ['a broken link', { body: '<h1>a</h1><a href="gone.html">x</a>' }, ['link-broken']],
  ['a broken absolute link to the site', { body: '<h1>a</h1><a href="https://h.example/gone">x</a>' }, ['link-broken']],
  ['a link out', { body: '<h1>a</h1><a href="https://elsewhere.example/">x</a>' }, []],
  ['mail, a call, nonsense', { body: '<h1>a</h1><a href="mailto:a@b.c">x</a><a href="tel:1">y</a><a href="http://[">z</a>' }, []],
  ['a missing fragment', { body: '<h1>a</h1><a href="#gone">x</a>' }, ['link-fragment']],
  ['top, and a bare hash', { body: '<h1>a</h1><a href="#top">x</a><a href="#">y</a>' }, []],
  ['a link without text', { body: '<h1>a</h1><a href="a.html"><img src="x" alt=""></a>' }, ['link-empty']],
  ['a link named by its image', { body: '<h1>a</h1><a href="a.html"><img src="x" alt="Boats"></a>' }, []],
  ['a link out of the folder', { body: '<h1>a</h1><a href="../../../etc/passwd">x</a>' }, ['link-broken']],
  ['a link that cannot be decoded', { body: '<h1>a</h1><a href="%ff">x</a>' }, ['link-broken']],
  ['no HTML at all', { title: '', description: '', canonical: '', body: '\0<<<' }, [
    'canonical-missing', 'description-missing', 'heading-h1-missing', 'title-missing',
  ]],
];

for (const [what, changes, rules] of cases) {
  test(`${what}: ${rules.join(', ') || 'nothing'}`, async (t) => {
    const folder = write(scratch(t), { 'a.html': page(changes) });
    // Two siblings tell what the site's address is.
    for (const name of ['b', 'c']) {
      const other = (text) => text.replaceAll('boats', `boats ${name}`).replace('a.html', `${name}.html`);
      write(folder, { [`${name}.html`]: other(page({})) });
    }
    const { pages, target } = await openSite(folder);
    const findings = checkSite(pages, target).filter((finding) => finding.page === 'a.html');
    assert.deepEqual(findings.map((finding) => finding.rule), rules);
    for (const finding of findings) assert.ok(finding.line >= 1 && finding.message);
  });
}

test('the second of two pages with one title is the one that is told', async (t) => {
  const folder = write(scratch(t), { 'a.html': page({}), 'b.html': page({}) });
  const { pages, target } = await openSite(folder);
  const told = checkSite(pages, target).map(({ page: path, rule }) => `${path} ${rule}`);
  assert.ok(told.includes('b.html title-duplicate') && told.includes('b.html description-duplicate'));
  assert.ok(!told.includes('a.html title-duplicate'));
});
