// Fails where what package.json names of an entry, with all that it needs, is larger in a page than it may be:
// who takes one name pays for no other.
import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** How many bytes a page loads for that, in brotli. */
export async function sizeOf({ entry, imports }) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    stdin: { contents: `export { ${imports} } from './dist/${entry}';`, resolveDir: root },
    bundle: true,
    format: 'esm',
    minify: true,
    write: false,
    logLevel: 'error',
  });
  return brotliCompressSync(outputFiles[0].contents).length;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const limits = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).sizes;
  let isTooLarge = false;
  for (const { entry, imports, limit } of limits) {
    const bytes = await sizeOf({ entry, imports });
    console.log(`${imports} of ${entry}: ${bytes} bytes in brotli, ${limit} are allowed`);
    isTooLarge ||= bytes > limit;
  }
  process.exit(isTooLarge ? 1 : 0);
}
