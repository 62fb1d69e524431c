// The reference page is held to the sources: what they offer stands in its section, and what it lists they offer.
import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { settle } from '../../src/options.js';

const client = new URL('../../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, client), 'utf8');
const page = read('../docs/client.md');

/** What stands under a heading, up to the next one that is not below it. */
function section(title: string): string {
  const [, marks = '', rest = ''] = new RegExp(`^(#+) ${title.replace(/[()]/g, '\\$&')}\\n([^]*)`, 'm').exec(page) ?? [];
  if (!marks) throw new Error(`docs/client.md has no “${title}”`);
  const end = rest.search(new RegExp(`^#{1,${marks.length}} `, 'm'));
  return end < 0 ? rest : rest.slice(0, end);
}

/** Every word that a text writes as code. */
const codeIn = (text: string) =>
  new Set([...text.matchAll(/^```\w*\n([^]*?)^```|`([^`\n]+)`/gm)].flatMap(([, block, code = '']) => (block ?? code).match(/[\w-]+/g) ?? []));

/** The names in the first cells of a section's tables. */
const listedIn = (text: string) =>
  [...text.matchAll(/^\| (`.*?) \| /gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`([\w-]+)/g)].map(([, name = '']) => name));

/** All that follows `pattern` in these files: its first group. */
const found = (pattern: RegExp, ...paths: string[]) => paths.flatMap((path) => [...read(path).matchAll(pattern)].map(([, name = '']) => name));

/** The texts in quotes in what is found. */
const wordsOf = (pattern: RegExp, ...paths: string[]) =>
  found(pattern, ...paths).flatMap((list) => [...list.matchAll(/['"]([\w-]+)['"]/g)].map(([, word = '']) => word));

/** What an interface or a class offers, by name. */
function membersOf(path: string, type: string): string[] {
  const { statements } = ts.createSourceFile(path, read(path), ts.ScriptTarget.ES2022, true);
  for (const one of statements) {
    if (!(ts.isInterfaceDeclaration(one) || ts.isClassDeclaration(one)) || one.name?.text !== type) continue;
    return one.members.flatMap(({ name }) => (name && (ts.isIdentifier(name) || ts.isStringLiteral(name)) ? [name.text] : []));
  }
  throw new Error(`${path} has no ${type}`);
}

/** What a module exports beside types. */
const exportsOf = (path: string) =>
  found(/^export \{(.*?)\}/gms, path).flatMap((names) => names.split(',').map((name) => name.trim()).filter((name) => name && !name.startsWith('type ')));

const SHOWN: readonly [string, string, readonly string[]][] = [
  ['connect', 'The client', exportsOf('core/src/index.ts')],
  ['methods', 'Methods', ['Client', 'SendOptions', 'HistoryRange', 'History', 'OutboxView'].flatMap((type) => membersOf('core/src/api.ts', type))],
  ['anomalies', 'Methods', membersOf('core/src/rooms/sequence.ts', 'Anomalies')],
  ['replies', 'Events', membersOf('core/src/rooms/replies.ts', 'Reply')],
  ['resets', 'Events', membersOf('core/src/rooms/rooms.ts', 'Reset')],
  ['memberships', 'Events', membersOf('core/src/rooms/rooms.ts', 'Membership')],
  ['entries', 'Events', membersOf('core/src/outbox/entry.ts', 'Entry')],
  ['errors', 'Errors', membersOf('core/src/errors.ts', 'CauserieError').filter((name) => name !== 'constructor')],
  ['errors of the server', 'Errors', wordsOf(/type ErrorCode = (.*);/g, 'core/src/protocol/generated/types.ts')],
  ['the page', 'Options', ['Page', 'PageEvents'].flatMap((type) => membersOf('core/src/connection/page.ts', type))],
  ['reasons', 'States', membersOf('core/src/connection/state.ts', 'Reason')],
  ['the conversation', 'Conversation', exportsOf('core/src/conversation/index.ts')],
  ['a conversation’s state', 'Conversation', membersOf('core/src/conversation/conversation.ts', 'Snapshot')],
  ['messages', 'Conversation', membersOf('core/src/conversation/message.ts', 'ChatMessage')],
  ['states of messages', 'Conversation', wordsOf(/MessageState = (.*);/g, 'core/src/conversation/message.ts')],
  ['the quality', 'Quality', ['Quality', 'QualityOptions'].flatMap((type) => membersOf('core/src/quality/index.ts', type))],
  ['the rollout', 'Rollout', ['clientConfig', ...membersOf('core/src/rollout/index.ts', 'ClientConfig')]],
  ['the storage', 'Storage', ['browserStorage', 'storageOn', ...membersOf('core/src/storage/key-value.ts', 'KeyValue')]],
  ['React', 'React', exportsOf('react/src/index.ts')],
  ['useChat', 'React', membersOf('react/src/chat.ts', 'Chat')],
  ['useConnection', 'React', membersOf('react/src/connection.ts', 'ConnectionView')],
  ['useOfflineQueue', 'React', membersOf('react/src/queue.ts', 'OfflineQueue')],
  ['useTyping', 'React', membersOf('react/src/typing.ts', 'TypingView')],
  ['usePresence', 'React', membersOf('react/src/presence.ts', 'PresenceView')],
  ['words of the components', 'Components', membersOf('react/src/components/texts.ts', 'QualityTexts')],
  ['the element', 'Properties and methods', membersOf('widget/src/element.ts', 'CauserieChat').filter(isForPages)],
];

const views = readdirSync(new URL('widget/src/view/', client)).map((name) => `widget/src/view/${name}`);

const LISTED: readonly [string, string, readonly string[]][] = [
  ['options', 'Options', Object.keys(settle({ url: 'http://x', tenantHash: 'x' }))],
  ['events', 'Events', membersOf('core/src/api.ts', 'ClientEvents')],
  ['states', 'States', found(/\{ name: '(\w+)'/g, 'core/src/connection/state.ts')],
  ['errors', 'Errors', found(/^ {2}\| '(\w+)'/gm, 'core/src/errors.ts')],
  ['grades', 'Quality', wordsOf(/type Grade = (.*);/g, 'core/src/quality/index.ts')],
  ['attributes', 'Attributes', attributes()],
  ['events of the element', 'Events of the element', membersOf('widget/src/element.ts', 'ChatEventMap')],
  ['CSS variables', 'Style', found(/var\((--causerie-[\w-]+)/g, 'widget/src/styles.css')],
];

/** Neither the platform's nor its own affair. */
function isForPages(name: string): boolean {
  return !/^(constructor|observedAttributes|\w+Callback)$/.test(name);
}

function attributes(): string[] {
  const sources = ['element.ts', 'settings.ts', 'styles.css'].map((path) => `widget/src/${path}`);
  const asked = found(/(?:(?:get|has)Attribute\(|oneOf\((?:this|element), )'([\w-]+)'/g, ...sources);
  const styled = found(/:host\(\[([a-z-]+)=/g, ...sources);
  return [...asked, ...styled, ...wordsOf(/(?:_ATTRIBUTES|observedAttributes) = \[(.*?)\]/g, ...sources)];
}

describe('docs/client.md', () => {
  test.each(SHOWN)('shows %s', (_, title, names) => {
    const shown = codeIn(section(title));
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !shown.has(name))).toEqual([]);
  });

  test.each(LISTED)('lists all %s, and no other', (_, title, names) => {
    expect([...new Set(listedIn(section(title)))].sort()).toEqual([...new Set(names)].sort());
  });

  test('has the defaults of the options', () => {
    const settings = settle({ url: 'http://x', tenantHash: 'x' }) as unknown as Record<string, unknown>;
    const isPlain = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value);
    for (const [, cell = '', byDefault = ''] of section('Options').matchAll(/^\| (`.*?) \| (.*?) \| /gm)) {
      const names = [...cell.matchAll(/`(\w+)/g)].map(([, name = '']) => name);
      if (!byDefault || !names.every((name) => isPlain(settings[name]))) continue;
      expect(`${names}: ${byDefault.replaceAll('`', '')}`).toBe(`${names}: ${names.map((name) => settings[name]).join(', ')}`);
    }
  });

  test('names the parts, slots and hooks for tests of the widget', () => {
    const parts = found(/part: [`']([^`']*)[`']/g, ...views).flatMap((part) => part.match(/[a-z]+(?![\w}])/g) ?? []);
    const slots = found(/h\('slot', \{ name: '(\w+)'/g, ...views);
    const style = codeIn(section('Style'));
    expect([...parts, ...slots].filter((name) => !style.has(name) && name !== 'kind')).toEqual([]);
    const hooks = codeIn(section('Hooks for tests'));
    const ids = found(/'data-testid': '([\w-]+)'/g, ...views);
    expect(ids.length).toBeGreaterThan(5);
    expect(ids.filter((name) => !hooks.has(name))).toEqual([]);
  });
});
