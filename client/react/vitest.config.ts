import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const of18 = fileURLToPath(new URL('../react-18/node_modules/', import.meta.url));

const test = {
  include: ['test/**/*.test.{ts,tsx}'],
  testTimeout: 60_000,
  hookTimeout: 60_000,
  restoreMocks: true,
};

// All is tested with the newest React, and with the oldest that is allowed.
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'react-19', ...test } },
      {
        test: { name: 'react-18', ...test },
        resolve: { alias: [{ find: /^(react|react-dom)($|\/)/, replacement: `${of18}$1$2` }] },
      },
    ],
  },
});
