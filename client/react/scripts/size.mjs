// Fails where what this package adds to a page, beside React and the client, is larger than it may be.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));
const { limit } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).size;

const bytes = brotliCompressSync(readFileSync(`${root}dist/index.js`)).length;
console.log(`@causerie/react: ${bytes} bytes in brotli, ${limit} are allowed`);
process.exit(bytes > limit ? 1 : 0);
