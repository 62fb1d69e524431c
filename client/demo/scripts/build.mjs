// Builds what the gateway has in its program: the page's own script, and the widget's as it is built.
// These are checked in, so that `cargo run` needs no Node; with --check fails where they are not what
// the sources make.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ['src/demo.ts'],
  bundle: true,
  format: 'iife',
  target: 'es2022',
  minify: true,
  write: false,
});
const made = {
  'demo.js': outputFiles[0].text,
  'causerie-chat.js': readFileSync(`${root}../widget/dist/causerie-chat.js`, 'utf8'),
};

if (process.argv.includes('--check')) {
  const old = Object.entries(made).filter(([name, text]) => readFileSync(`${root}built/${name}`, 'utf8') !== text);
  for (const [name] of old) console.error(`client/demo/built/${name} is not what the sources make: npm run build --workspace demo`);
  process.exit(old.length ? 1 : 0);
}
mkdirSync(`${root}built`, { recursive: true });
for (const [name, text] of Object.entries(made)) writeFileSync(`${root}built/${name}`, text);
