// The example for Vite is one that Vite builds.
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { expect, test } from 'vitest';

test('it builds, with one React and one client', async () => {
  const root = fileURLToPath(new URL('../examples/vite', import.meta.url));
  const built = await build({ root, configFile: false, logLevel: 'error', build: { write: false } });
  const files = [built].flat().flatMap((one) => ('output' in one ? one.output : []));
  expect(files.map(({ fileName }) => fileName.replace(/-[^.]*/, '')).sort()).toEqual(['assets/index.css', 'assets/index.js', 'index.html']);
  const modules = files.flatMap((file) => ('moduleIds' in file ? file.moduleIds : []));
  const ones = (name: RegExp) => modules.filter((id) => name.test(id));
  expect(ones(/\/react\/cjs\/react\.\w+\.js$/)).toHaveLength(1);
  expect(ones(/\/core\/dist\/index\.js$/)).toHaveLength(1);
});
