// What npm would publish of each package.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const client = fileURLToPath(new URL('../../..', import.meta.url));

interface Packed {
  files: { path: string }[];
}

const packed = (name: string): string[] => {
  const told = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: `${client}${name}`, encoding: 'utf8' });
  return (JSON.parse(told) as Packed[]).flatMap(({ files }) => files.map(({ path }) => path));
};

test.each([
  ['core', ['dist/index.js', 'dist/index.js.map', 'dist/index.d.ts', 'dist/storage/index.js', 'dist/rollout/index.d.ts']],
  ['react', ['dist/index.js', 'dist/index.js.map', 'dist/index.d.ts', 'dist/styles.css']],
  ['widget', ['dist/causerie-chat.js', 'dist/index.d.ts']],
])('%s is published with its licences and what it is used by, and nothing else', { timeout: 30_000 }, (name, built) => {
  const paths = packed(name);
  expect(paths).toEqual(expect.arrayContaining(['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'package.json', ...built]));
  expect(paths.filter((path) => !/^(dist\/|LICENSE-|README\.md$|package\.json$)/.test(path))).toEqual([]);
  const about = JSON.parse(readFileSync(`${client}${name}/package.json`, 'utf8')) as Record<string, unknown>;
  expect(about).toMatchObject({ license: 'MIT OR Apache-2.0', engines: { node: '>=18' }, exports: expect.anything(), sideEffects: expect.anything() });
});

test.each(['MIT', 'APACHE'])('the %s licence in each package is the project\'s', (licence) => {
  const text = readFileSync(`${client}../LICENSE-${licence}`, 'utf8');
  for (const name of ['core', 'react', 'widget']) expect(readFileSync(`${client}${name}/LICENSE-${licence}`, 'utf8')).toBe(text);
});

test.each(['core', 'react'])('a debugger shows the sources of %s', (name) => {
  const { sources, sourcesContent } = JSON.parse(readFileSync(`${client}${name}/dist/index.js.map`, 'utf8')) as Record<string, string[]>;
  expect(sourcesContent?.length).toBe(sources?.length);
  expect(sourcesContent?.every((text) => text.length > 0)).toBe(true);
});
