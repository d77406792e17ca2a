// Writes <file>.br and <file>.gz beside each file of a folder that gets smaller by it.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const folder = process.argv[2];
const totals = { plain: 0, brotli: 0 };

for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  // Pictures and fonts are compressed already; the server alone reads the manifest.
  if (!entry.isFile() || !/\.(js|wasm|css|svg|txt|html)$/.test(entry.name)) continue;
  // `path` before Node 20.12, `parentPath` since.
  const file = join(entry.parentPath ?? entry.path, entry.name);
  const plain = readFileSync(file);
  const brotli = brotliCompressSync(plain, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
    },
  });
  if (brotli.length < plain.length) writeFileSync(`${file}.br`, brotli);
  const gzip = gzipSync(plain, { level: 9 });
  if (gzip.length < plain.length) writeFileSync(`${file}.gz`, gzip);
  totals.plain += plain.length;
  totals.brotli += brotli.length;
}
const kB = (bytes) => `${Math.round(bytes / 1024)} kB`;
console.error(`    ${kB(totals.plain)} → ${kB(totals.brotli)} with brotli`);
