// The operator's page in Chromium, as a gateway serves it, over an installation with live traffic.
import { mkdirSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster, type Node, tokenOf } from '../../core/test/integration/support/cluster.js';
import { SOCKET } from '../../core/test/integration/support/person.js';
import { startBrowser, Tab } from '../../widget/test/browser/support/browser.js';

let cluster: Cluster;
let browser: Browser;
let gateways: Node[];
let admin: string;
const talking: Array<{ close(): void }> = [];

/** Where pictures of the page are put, if anywhere. */
const pictures = process.env['ADMIN_SCREENSHOTS'];

/** Asks again and again, and hears the answers, until the test is over. */
async function talk(at: Node, user: string): Promise<void> {
  const socket = new SOCKET(`${at.url.replace('http', 'ws')}/ws?token=${tokenOf(user)}`);
  const ask = () => socket.send(JSON.stringify({ action: 'sendMessage', data: { user_input: 'a few words to say again', session_id: 's1' } }));
  socket.onmessage = ({ data }) => {
    const { type } = JSON.parse(String(data));
    if (type === 'ready' || type === 'ai_processing_end') ask();
  };
  talking.push(socket);
  await new Promise((resolve) => (socket.onopen = resolve));
}

beforeAll(async () => {
  cluster = await Cluster.start({
    NODE_NAME: 'broker-1',
    STATUS_INTERVAL: '1s',
    // Where many tests run they are late.
    STATUS_EVENT_LOOP_LAG: '60s',
    LIMITS_MESSAGES_PER_MINUTE_PER_CONNECTION: '6000',
  });
  await cluster.anotherBroker({ NODE_NAME: 'broker-2' });
  gateways = [];
  for (const name of ['gateway-1', 'gateway-2', 'gateway-3']) gateways.push(await cluster.gateway('0', { NODE_NAME: name }));
  const [first] = gateways;
  if (!first) throw new Error('there is a gateway');
  admin = `${await first.program.says(/admin listening on (http:\/\/[^\s"]+)/)}/admin`;
  await Promise.all(gateways.flatMap((gateway, at) => [1, 2, 3, 4].map((user) => talk(gateway, `u${at}${user}`))));
  browser = await startBrowser();
});

afterAll(async () => {
  for (const socket of talking) socket.close();
  await browser?.close();
  await cluster?.end();
});

test('an operator sees the installation live, and what goes wrong', async () => {
  const tab = await Tab.of(browser, { viewport: { width: 1280, height: 900 } });
  const { page } = tab;
  const answer = await page.goto(admin);
  expect(answer?.headers()['content-security-policy']).toContain("default-src 'none'");
  const enter = async (token: string) => {
    await tab.byTestId('token').fill(token);
    await tab.byTestId('watch').click();
  };

  // A user is no operator, and is told so.
  await enter(tokenOf('u1'));
  await page.getByRole('alert').getByText('operator').waitFor();

  await enter(tokenOf('ops', { roles: ['operator'] }));
  await tab.byTestId('word').getByText('ok').waitFor();
  expect(await tab.byTestId('token').isHidden()).toBe(true);
  const row = (name: string) => tab.byTestId('nodes').locator('tr', { hasText: name });
  for (const name of ['gateway-1', 'gateway-2', 'gateway-3', 'broker-1', 'broker-2']) await row(name).getByText('up').waitFor();
  const figure = (name: string) => tab.byTestId('figures').locator('div', { hasText: name }).first().locator('dd');
  await expect.poll(() => figure('Connections').textContent()).toBe('12');
  await row('gateway-2').getByText('4 of ').waitFor();
  const delivered = async () => Number((await figure('Delivered/s').textContent())?.replace(',', ''));
  await expect.poll(delivered, { timeout: 15_000 }).toBeGreaterThan(5);
  // It goes on by itself.
  const before = await tab.byTestId('nodes').textContent();
  await expect.poll(() => tab.byTestId('nodes').textContent(), { timeout: 15_000 }).not.toBe(before);
  expect(await figure('Delivery p50').textContent()).toMatch(/^[\d.,]+ \/ [\d.,]+ \/ [\d.,]+$/);
  await tab.isAccessible('the operators page');
  await picture(tab, 'admin');

  await cluster.loseBroker();
  await tab.byTestId('alerts').getByText('broker-1 is gone').waitFor();
  await row('broker-1').getByText('gone').waitFor();
  await tab.byTestId('word').getByText('degraded').waitFor();
  await tab.byTestId('news').getByText('raised: The broker broker-1 is gone').waitFor();
  await tab.isAccessible('the operators page with an alert');
  await picture(tab, 'admin-alert');

  // The token is that tab's, and is forgotten when told.
  await page.reload();
  await row('gateway-1').getByText('up').waitFor();
  await page.getByRole('button', { name: 'Forget the token' }).click();
  await page.reload();
  await tab.byTestId('token').waitFor();
  expect(await tab.byTestId('nodes').textContent()).toBe('');
  const { faults } = tab;
  await tab.close();
  // The refused token's handshake and question were answered with 403.
  expect(faults.filter((fault) => !fault.includes('403'))).toEqual([]);
});

async function picture(tab: Tab, name: string): Promise<void> {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await tab.page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
}
