import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { parseClientFrame, parseServerFrame } from './codec.ts';
import { FAILURES } from './failures.ts';
import { LIMITS } from './limits.ts';
import { describe } from './testing/suite.ts';
import { readVectors } from './testing/vectors.ts';
import { ASSERTION_SKEW_SECONDS, TOKEN_KINDS } from './token.ts';

const page = read('protocol.md');

describe('protocol.md', ({ test }) => {
  test('prints the table of failures as it is', () => {
    const rows = Object.entries(FAILURES).map(([code, { status, close, retry, title }]) => [
      `\`${code}\``,
      String(status ?? '–'),
      String(close ?? '–'),
      `\`${retry}\``,
      title,
    ]);
    assert.equal(tableBehind('<!-- failures -->'), rows);
  });

  test('prints the limits as they are', () => {
    const printed = tableBehind('<!-- limits -->').map(([name, value]) => [name, value]);
    assert.equal(
      printed,
      Object.entries(LIMITS).map(([name, value]) => [`\`${name}\``, String(value)]),
    );
  });

  test('names no failure code that does not exist', () => {
    const codes = tableBehind('<!-- limits -->').flatMap((cells) => (cells[4] ?? '').match(/`\w+`/g) ?? []);
    for (const code of codes) assert.ok(Object.hasOwn(FAILURES, code.slice(1, -1)), code);
  });

  test('states the lives of the rights as they are', () => {
    const lives: readonly [string, number][] = [
      ['access token', TOKEN_KINDS.access.lifeSeconds],
      ['ticket', TOKEN_KINDS.ticket.lifeSeconds],
      ['grants', TOKEN_KINDS.grants.lifeSeconds],
      ['assertion', ASSERTION_SKEW_SECONDS],
    ];
    for (const [right, seconds] of lives)
      assert.match(page, new RegExp(`^\\| ${right} \\| ${seconds} s `, 'm'));
  });
});

describe('frames', ({ test }) => {
  const types = typesOf(read('frame.ts'));
  const clientExamples = examples('client').map((text) => ({ text, frame: parseClientFrame(text) }));
  const nodeExamples = examples('node').map((text) => ({ text, frame: parseServerFrame(text) }));
  const client = readVectors<{ valid: { frame: { type: string } }[] }>('client-frames');
  const server = readVectors<{ valid: { frame: { type: string } }[] }>('server-frames');
  const vectors = [...client.valid, ...server.valid];

  test('are found in frame.ts', () => {
    const clients = [
      'subscribe',
      'unsubscribe',
      'publish',
      'send',
      'attach',
      'ack',
      'presence',
      'refresh',
      'ping',
    ];
    const answers = ['welcome', 'ok', 'failed', 'pong'];
    const unasked = ['publication', 'ephemeral', 'delivery', 'detached', 'gap', 'revoked', 'moved'];
    assert.equal([...types].sort(), [...clients, ...answers, ...unasked].sort());
  });

  for (const type of types)
    test(`${type} has a section, an example and a vector`, () => {
      assert.match(page, new RegExp(`^### \`${type}\`$`, 'm'));
      const frames = [...clientExamples, ...nodeExamples].map(
        ({ text }) => JSON.parse(text) as { type: string },
      );
      assert.ok(
        frames.some((frame) => frame.type === type),
        'no example',
      );
      assert.ok(
        vectors.some(({ frame }) => frame.type === type),
        'no vector',
      );
    });

  for (const { text, frame } of clientExamples)
    test(`a node accepts the example ${oneLine(text)}`, () => assert.equal(frame, JSON.parse(text)));
  for (const { text, frame } of nodeExamples)
    test(`a client accepts the example ${oneLine(text)}`, () => assert.equal(frame, JSON.parse(text)));

  test('every other JSON on the page is JSON', () => {
    for (const text of examples('')) JSON.parse(text);
  });
});

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}

/** Cells of the rows of the first table behind a mark, without its two lines of heading. */
function tableBehind(mark: string): string[][] {
  const [, behind = ''] = page.split(`${mark}\n`);
  const lines = behind.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('|'));
  return lines.slice(2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** Bodies of the code blocks marked `json <kind>`; kind `''` stands for those marked `json` alone. */
function examples(kind: string): string[] {
  const mark = kind === '' ? 'json' : `json ${kind}`;
  return [...page.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)]
    .filter(([, language]) => language === mark)
    .map(([, , body = '']) => body);
}

/** The `type` of every frame, from the source: a frame that is only added there is noticed here. */
function typesOf(source: string): ReadonlySet<string> {
  return new Set([...source.matchAll(/readonly type: '(\w+)'/g)].map(([, type = '']) => type));
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 60);
}
