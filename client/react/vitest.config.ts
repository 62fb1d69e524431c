import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const of18 = fileURLToPath(new URL('../react-18/node_modules/', import.meta.url));

const timeouts = { testTimeout: 60_000, hookTimeout: 60_000 };

const test = { include: ['test/*.test.{ts,tsx}'], restoreMocks: true, ...timeouts };

// All but the page in a browser is tested with the newest React, and with the oldest that is allowed.
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'react-19', ...test } },
      {
        test: { name: 'react-18', ...test },
        resolve: { alias: [{ find: /^(react|react-dom)($|\/)/, replacement: `${of18}$1$2` }] },
      },
      { test: { name: 'browser', include: ['test/browser/*.test.ts'], ...timeouts } },
    ],
  },
});
