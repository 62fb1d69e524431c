// Fails where the script is larger than it may be.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';

const LIMIT = 35 * 1024;

const root = fileURLToPath(new URL('..', import.meta.url));
const bytes = brotliCompressSync(readFileSync(`${root}dist/causerie-chat.js`)).length;
console.log(`causerie-chat.js: ${bytes} bytes in brotli, ${LIMIT} are allowed`);
process.exit(bytes > LIMIT ? 1 : 0);
