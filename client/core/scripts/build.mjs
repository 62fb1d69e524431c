// Builds dist: one minified ES module an entry, and the types beside them.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

rmSync(`${root}dist`, { recursive: true, force: true });
await build({
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
  chunkNames: 'shared-[hash]',
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  minify: true,
  sourcemap: true,
  sourcesContent: false,
});
const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [compiler, '-p', `${root}tsconfig.build.json`], { stdio: 'inherit' });
