// Runs test/node-18 by the oldest Node that the packages are for. npm has it as a package, which is got anew where it is not there.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const VERSION = '18.0.0';

const root = fileURLToPath(new URL('..', import.meta.url));
// From here the packages are found as anybody's program finds them.
const folder = `${root}../node_modules/.node-${VERSION}/`;
const name = `node-${process.platform}-${process.arch}`;
const node = `${folder}node_modules/${name}/bin/node`;

if (!existsSync(node)) {
  execFileSync('npm', ['install', '--no-save', '--ignore-scripts', '--loglevel=error', '--prefix', folder, `${name}@${VERSION}`], { stdio: 'inherit' });
}
const outfile = `${folder}talking.mjs`;
await build({
  absWorkingDir: root,
  entryPoints: ['test/node-18/talking.ts'],
  bundle: true,
  packages: 'external',
  format: 'esm',
  platform: 'node',
  target: 'node18',
  outfile,
});
const env = { CARGO_TARGET_DIR: `${root}../../target`, ...process.env };
execFileSync(node, ['--no-warnings', outfile], { stdio: 'inherit', env });
