import { spawnSync } from 'node:child_process';
import axe from 'axe-core';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type LaunchOptions, type Page } from 'playwright-core';
import { expect } from 'vitest';

/** Debian's Chromium, or the one that `CAUSERIE_CHROMIUM` names. */
export function startBrowser(options: LaunchOptions = {}): Promise<Browser> {
  const named = process.env['CAUSERIE_CHROMIUM'];
  const executablePath = named ?? spawnSync('which', ['chromium'], { encoding: 'utf8' }).stdout.trim();
  if (!executablePath) throw new Error('there is no Chromium: apt-get install chromium');
  // Root's has no sandbox.
  return chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0, ...options });
}

/** A tab of somebody new, and what went wrong in it. */
export class Tab {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly faults: string[] = [];

  private constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    page.on('pageerror', (error) => this.faults.push(String(error)));
    page.on('dialog', (dialog) => {
      this.faults.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('console', (message) => {
      // That a server is away is told there, and is wanted; so is the 426 by which it says that it would have
      // let a socket in, where a handshake took too long.
      if (message.type() === 'error' && !/ERR_|WebSocket connection|status of 426/.test(message.text())) this.faults.push(message.text());
    });
  }

  static async of(browser: Browser, options: BrowserContextOptions = {}): Promise<Tab> {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(15_000);
    return new Tab(context, await context.newPage());
  }

  /** One more tab, of the same person. */
  async another(): Promise<Tab> {
    return new Tab(this.context, await this.context.newPage());
  }

  byTestId(name: string) {
    return this.page.getByTestId(name);
  }

  /** Says something. */
  async ask(text: string): Promise<void> {
    await this.byTestId('message-input').fill(text);
    await this.byTestId('send-button').click();
  }

  /** What a screen reader has been told. */
  announced(): Promise<string[]> {
    return this.page.locator('causerie-chat [aria-live=polite] p').allTextContents();
  }

  /**
   * No rule of WCAG 2.2, A and AA, nor of good practice, is broken as the page is now. Leaves a picture of
   * it in the folder that `WIDGET_SCREENSHOTS` names.
   */
  async isAccessible(state: string): Promise<void> {
    await this.page.evaluate(axe.source);
    const violations = await this.page.evaluate(async () => {
      const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      });
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('; ')}`);
    });
    expect(violations, state).toEqual([]);
    const folder = process.env['WIDGET_SCREENSHOTS'];
    if (folder) await this.page.screenshot({ path: `${folder}/${state.replace(/\W+/g, '-')}.png` });
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}
