// Builds dist: one script for pages, and the element's types. `bundle` is for tests too.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build, transform } from 'esbuild';
import { minify } from 'terser';
import { smallest } from '../../core/scripts/smallest.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Sheets are text in the script, without what only people need. */
const styles = {
  name: 'styles',
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, 'utf8'), { loader: 'css', minify: true });
      return { contents: code.trim(), loader: 'text' };
    });
  },
};

const NOTICE = '/*! Causerie, MIT OR Apache-2.0. With DOMPurify, (c) Cure53 and contributors, Apache-2.0 OR MPL-2.0. */';

/** Bundles what `options` name, as one script, and gives its text. */
export async function bundle(options) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    bundle: true,
    format: 'iife',
    target: 'es2022',
    write: false,
    legalComments: 'none',
    plugins: [styles],
    ...options,
  });
  return outputFiles[0].text;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  rmSync(`${root}dist`, { recursive: true, force: true });
  mkdirSync(`${root}dist`);
  const text = await bundle({ entryPoints: ['src/index.ts'], minify: true });
  const { code } = await smallest(async (compress) => {
    const { code } = await minify(text, { ecma: 2020, compress, format: { preamble: NOTICE } });
    return { code, bytes: brotliCompressSync(code).length };
  });
  writeFileSync(`${root}dist/causerie-chat.js`, code);
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  execFileSync(process.execPath, [compiler, '-p', `${root}tsconfig.build.json`], { stdio: 'inherit' });
}
