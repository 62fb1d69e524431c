// A page with the widget, under a policy as strict as they get; under none where its address says `lax`.
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../../../dist/', import.meta.url));

export class PageServer {
  /** The server that pages may talk to. */
  chat = '';
  /** Further scripts, by their paths. */
  readonly scripts = new Map<string, string>();
  readonly #server: Server;

  private constructor() {
    this.scripts.set('/causerie-chat.js', readFileSync(`${dist}causerie-chat.js`, 'utf8'));
    this.#server = createServer(({ url = '/' }, answer) => {
      const { pathname, searchParams } = new URL(url, this.origin);
      const script = this.scripts.get(pathname);
      if (script !== undefined) return void answer.writeHead(200, { 'content-type': 'text/javascript' }).end(script);
      // A page without a policy asks for its icon.
      if (pathname !== '/') return void answer.writeHead(204).end();
      const policy = searchParams.has('lax') ? {} : { 'content-security-policy': this.#policy };
      answer.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...policy });
      answer.end(pageWith(searchParams.get('body') ?? ''));
    });
  }

  static async start(): Promise<PageServer> {
    const pages = new PageServer();
    await new Promise<void>((resolve) => pages.#server.listen(0, '127.0.0.1', resolve));
    return pages;
  }

  get origin(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${address && typeof address !== 'string' ? address.port : 0}`;
  }

  end(): Promise<unknown> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  /** No inline script or style, no eval, no HTML from text but through DOMPurify; and to the chat's server alone. */
  get #policy(): string {
    return [
      "default-src 'none'",
      "script-src 'self'",
      `connect-src ${this.chat} ${this.chat.replace('http', 'ws')}`,
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
      'trusted-types dompurify',
    ].join('; ');
  }
}

const pageWith = (body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A page with a chat</title>
</head>
<body>
<main><h1>A page</h1><p>It has a <a href="#">link</a>.</p></main>
${body}
</body>
</html>`;
