// A whole installation: two gateways, two brokers, Redis; a way to each gateway, and pages that go that way.
import type { Browser } from 'playwright-core';
import { Cluster, type Node, tokenOf } from '../../../../core/test/integration/support/cluster.js';
import { Proxy } from '../../../../core/test/integration/support/proxy.js';
import { startBrowser, Tab } from './browser.js';
import { PageServer } from './page-server.js';

/** A gateway, the way to it, and pages that go that way. */
export interface Side {
  node: Node;
  way: Proxy;
  pages: PageServer;
}

export class Installation {
  readonly cluster: Cluster;
  readonly sides: readonly [Side, Side];
  readonly #browser: Browser;
  readonly #tabs: Tab[] = [];

  private constructor(cluster: Cluster, sides: [Side, Side], browser: Browser) {
    this.cluster = cluster;
    this.sides = sides;
    this.#browser = browser;
  }

  static async start(): Promise<Installation> {
    const pages = [await PageServer.start(), await PageServer.start()] as const;
    const origins = pages.map(({ origin }) => origin);
    const cluster = await Cluster.start({
      TENANTS: JSON.stringify([{ id: 'acme', hash: 'acme-hash', origins, visitors: true }]),
      LIMITS_MESSAGES_PER_MINUTE_PER_CONNECTION: '6000',
      AI_ECHO_TOKENS_PER_SECOND: '20',
      // Who asks is to do without WebSockets.
      ROLLOUT_PERCENTAGE: '0',
      ROLLOUT_FLAGS: 'beta',
    });
    await cluster.anotherBroker();
    const side = async (pages: PageServer): Promise<Side> => {
      const node = await cluster.gateway();
      const way = await Proxy.to(node.url);
      pages.chat = way.url;
      return { node, way, pages };
    };
    return new Installation(cluster, [await side(pages[0]), await side(pages[1])], await startBrowser());
  }

  /** A page on this side: of a visitor, or of `user`, whom the page's own server knows; `beside` another one, as a tab. */
  async open({ way, pages }: Side, { user, beside, more = '' }: { user?: string; beside?: Tab; more?: string } = {}): Promise<Tab> {
    const script = user === undefined ? '' : `document.querySelector('causerie-chat').getToken = async () => '${tokenOf(user)}';`;
    pages.scripts.set('/person.js', script);
    const body = `<causerie-chat open url="${way.url}" tenant-hash="acme-hash" ${more}></causerie-chat>
      <script src="/person.js"></script><script src="/causerie-chat.js" defer></script>`;
    return this.show(pages, body, beside);
  }

  /** A page with this in its body; `beside` another one, as a tab. */
  async show({ origin }: PageServer, body: string, beside?: Tab): Promise<Tab> {
    const tab = (await beside?.another()) ?? (await Tab.of(this.#browser));
    this.#tabs.push(tab);
    await tab.page.goto(`${origin}/?body=${encodeURIComponent(body)}`);
    return tab;
  }

  /** Closes all pages, and gives what went wrong in them. */
  async closePages(): Promise<string[]> {
    const tabs = this.#tabs.splice(0);
    await Promise.all(tabs.map((tab) => tab.close()));
    return tabs.flatMap(({ faults }) => faults);
  }

  async end(): Promise<void> {
    await this.#browser.close();
    for (const { way, pages } of this.sides) {
      await way.shut();
      await pages.end();
    }
    await this.cluster.end();
  }
}
