import './support/dom.js';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import {
  ConnectionQualityBadge,
  ConnectionQualityCard,
  ConnectionQualityIndicator,
  type ConnectionView,
  useConnection,
} from '../src/index.js';
import { Servers } from './support/servers.js';
import { isQuiet, mount, Shown, unmountAll, View, within } from './support/view.js';

let servers: Servers;

beforeAll(async () => {
  servers = await Servers.start();
});
afterAll(() => servers.end());

const error = () => vi.spyOn(console, 'error');
let complaints: ReturnType<typeof error>;
beforeEach(() => {
  complaints = error();
});
afterEach(() => {
  unmountAll();
  isQuiet(complaints);
});

const GERMAN = { grades: { excellent: 'Sehr gut', good: 'Gut', fair: 'Geht so', poor: 'Schlecht', offline: 'Keine Verbindung' } };

interface Part {
  found(): HTMLElement | null;
  said(): string | undefined | null;
  lit(): number | undefined;
}

test('they tell the grade in words and by count, as it changes', async () => {
  const way = await servers.proxy();
  const { port, url } = way;
  await way.shut();
  const view = new View<ConnectionView>();
  const { place } = mount(
    within(
      { options: servers.options('looks', { url }) },
      <>
        <Shown of={useConnection} to={view} />
        <ConnectionQualityIndicator id="indicator" className="mine" />
        <ConnectionQualityBadge />
        <ConnectionQualityCard texts={GERMAN} />
      </>,
    ),
  );
  const [indicator, badge, card] = ['indicator', 'badge', 'card'].map((name) => {
    const found = () => place.querySelector<HTMLElement>(`.causerie-quality-${name}`);
    return {
      found,
      said: () => found()?.querySelector('[role="status"]')?.textContent,
      lit: () => found()?.querySelectorAll('[aria-hidden="true"] .causerie-bar-lit').length,
    };
  }) as [Part, Part, Part];
  await vi.waitFor(() => expect(card.found()).not.toBeNull());
  expect([indicator.said(), badge.said(), card.said()]).toEqual(['No connection', 'No connection', 'Keine Verbindung']);
  expect([indicator.lit(), badge.lit(), card.lit()]).toEqual([0, 0, 0]);
  expect(indicator.found()?.id).toBe('indicator');
  expect(indicator.found()?.className).toBe('causerie-quality causerie-quality-indicator mine');
  await way.open(port);
  await view.is('up', ({ isUp }) => isUp);
  await vi.waitFor(() => expect(card.found()?.querySelector('dd')?.textContent).toMatch(/^\d+ ms$/));
  expect(indicator.said()).toMatch(/^(Excellent|Good) connection$/);
  expect(indicator.found()?.title).toBe(indicator.said());
  expect(badge.said()).toBe(indicator.said());
  expect(card.said()).toMatch(/^(Sehr gut|Gut)$/);
  expect(indicator.lit()).toBe(indicator.said()?.startsWith('Excellent') ? 4 : 3);
  // Figures change all the time: they are not said.
  expect(card.found()?.querySelector('[role="status"] dd, dl[role]')).toBeNull();
  expect(card.found()?.getAttribute('aria-label')).toBe('Connection');
  expect(card.found()?.querySelector('button')).toBeNull();
  view.now.close();
  await vi.waitFor(() => expect(card.found()?.querySelector('button')).not.toBeNull());
  expect([badge.said(), badge.lit(), badge.found()?.dataset['grade']]).toEqual(['No connection', 0, 'offline']);
  card.found()?.querySelector('button')?.click();
  await view.is('up again', ({ isUp }) => isUp);
  await vi.waitFor(() => expect(badge.lit()).toBeGreaterThan(0));
});
