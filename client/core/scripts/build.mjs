// Builds dist: one minified ES module an entry, and the types beside them.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { minify } from 'terser';
import { INTERNAL } from './internal.mjs';
import { sizeOf } from './size.mjs';
import { smallest } from './smallest.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

rmSync(`${root}dist`, { recursive: true, force: true });
const { outputFiles } = await build({
  write: false,
  absWorkingDir: root,
  entryPoints: [
    'src/index.ts',
    'src/conversation/index.ts',
    'src/quality/index.ts',
    'src/rollout/index.ts',
    'src/storage/index.ts',
  ],
  outdir: 'dist',
  outbase: 'src',
  bundle: true,
  // What two entries share is one file, so that they share classes too.
  splitting: true,
  minify: true,
  mangleProps: INTERNAL,
  chunkNames: 'shared-[hash]',
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  sourcemap: true,
  sourcesContent: true,
});
// esbuild's own leaves more. No getter here does anything but give. The maps hold the sources, so that a
// debugger shows those.
const scripts = outputFiles.filter(({ path }) => path.endsWith('.js'));
const minified = async ({ path, text }, compress) => {
  const content = outputFiles.find((one) => one.path === `${path}.map`)?.text;
  const sourceMap = { content, url: `${basename(path)}.map` };
  const { code, map } = await minify(text, { module: true, ecma: 2020, compress: { ...compress, pure_getters: true }, sourceMap });
  return { path, code, map };
};
const write = (files) => {
  for (const { path, code, map } of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, code);
    writeFileSync(`${path}.map`, map);
  }
};
const { files } = await smallest(async (compress) => {
  const files = await Promise.all(scripts.map((script) => minified(script, compress)));
  write(files);
  return { files, bytes: await sizeOf({ entry: 'index.js', imports: 'connect' }) };
});
write(files);
const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [compiler, '-p', `${root}tsconfig.build.json`], { stdio: 'inherit' });
