// Fails where what package.json names of this package adds more to a page, beside React and the client, than it may:
// who takes one name pays for no other.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const limits = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).sizes;

let isTooLarge = false;
for (const { imports, limit } of limits) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    stdin: { contents: `export ${imports} from './dist/index.js';`, resolveDir: root },
    bundle: true,
    packages: 'external',
    format: 'esm',
    minify: true,
    write: false,
    logLevel: 'error',
  });
  const bytes = brotliCompressSync(outputFiles[0].contents).length;
  console.log(`${imports}: ${bytes} bytes in brotli, ${limit} are allowed`);
  isTooLarge ||= bytes > limit;
}
process.exit(isTooLarge ? 1 : 0);
