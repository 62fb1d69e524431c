// The example of the README, with the package as it is built.
import './support/dom.js';
import { readFileSync } from 'node:fs';
import { CauserieProvider } from '@causerie/react';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { Support } from '../examples/vite/src/support.js';
import { Servers } from './support/servers.js';
import { mount, unmountAll } from './support/view.js';

let servers: Servers;

beforeAll(async () => {
  servers = await Servers.start();
});
afterAll(() => servers.end());
afterEach(unmountAll);

/** As a person types. */
function write(input: HTMLInputElement, text: string): void {
  // React has put a property of its own before it.
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(input), 'value')?.set?.call(input, text);
  input.dispatchEvent(new window.Event('input', { bubbles: true }));
}

test('it shows a conversation', async () => {
  const complaints = vi.spyOn(console, 'error');
  const options = servers.options('reads-the-readme');
  const { place } = mount(
    <CauserieProvider options={options}>
      <Support />
    </CauserieProvider>,
  );
  await vi.waitFor(() => expect(place.querySelector('input')).not.toBeNull());
  write(place.querySelector('input') as HTMLInputElement, 'hello');
  await vi.waitFor(() => expect(place.querySelector('input')?.value).toBe('hello'));
  place.querySelector('form')?.dispatchEvent(new window.Event('submit', { bubbles: true, cancelable: true }));
  await vi.waitFor(() => {
    const lines = [...place.querySelectorAll('li')].map(({ dataset, textContent }) => [dataset['role'], dataset['state'], textContent]);
    expect(lines).toEqual([
      ['user', 'sent', 'hello'],
      ['assistant', 'sent', 'You said: hello'],
    ]);
  }, 20_000);
  expect(place.querySelector('[role="status"]')?.textContent).toMatch(/connection$/);
  expect(complaints).not.toHaveBeenCalled();
});

test('it is the one that is read', () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
  expect(read('../README.md')).toContain(`\`\`\`tsx\n${read('../examples/vite/src/support.tsx')}\`\`\``);
});
