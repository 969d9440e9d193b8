import fc from 'fast-check';
import * as assert from 'uvu/assert';
import {
  encodeClientFrame,
  encodePublication,
  encodePublicationBody,
  encodeServerFrame,
  failedFrame,
  isMessageId,
  isTag,
  parseClientFrame,
  parseServerFrame,
} from './codec.ts';
import { Failure } from './failure.ts';
import type { ClientFrame, PublicationFrame, ServerFrame } from './frame.ts';
import { LIMITS } from './limits.ts';
import type { Position } from './position.ts';
import { describe } from './testing/suite.ts';
import { readVectors } from './testing/vectors.ts';

interface Valid<F> {
  readonly name: string;
  readonly text: string;
  readonly frame: F;
  readonly isOtherText?: true;
}
interface Malformed {
  readonly name: string;
  readonly text: string;
}
interface RefusedText extends Malformed {
  readonly refused: string;
  readonly ref: number | null;
}

describe('client frames', ({ test }) => {
  const vectors = readVectors<{ valid: Valid<ClientFrame>[]; malformed: RefusedText[] }>('client-frames');

  for (const { name, text, frame, isOtherText } of vectors.valid)
    test(`valid: ${name}`, () => {
      assert.equal(parseClientFrame(text), frame);
      if (!isOtherText) assert.is(encodeClientFrame(frame), text);
    });
  for (const { name, text, refused, ref } of vectors.malformed)
    test(`malformed: ${name}`, () => {
      const answer = parseClientFrame(text);
      assert.ok('refused' in answer, 'it was accepted');
      assert.equal([answer.refused, answer.ref ?? null], [refused, ref]);
    });

  test('property: parsing never throws, whatever the text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseClientFrame(text)));
    fc.assert(fc.property(fc.json(), (text) => void parseClientFrame(text)));
    const near = fc.record(
      {
        type: fc.constantFrom('subscribe', 'unsubscribe', 'publish', 'refresh', 'ping'),
        ref: fc.oneof(fc.nat(), fc.jsonValue()),
        channel: fc.jsonValue(),
        channels: fc.oneof(fc.array(fc.jsonValue()), fc.jsonValue()),
        grants: fc.jsonValue(),
        ticket: fc.jsonValue(),
        id: fc.jsonValue(),
        data: fc.jsonValue(),
      },
      { requiredKeys: ['type', 'ref'] },
    );
    fc.assert(fc.property(near, (frame) => void parseClientFrame(JSON.stringify(frame))));
  });

  test('deeply nested JSON is refused, not suffered', () => {
    const depth = LIMITS.frameBytes / 2;
    assert.ok('refused' in parseClientFrame('['.repeat(depth) + ']'.repeat(depth)));
    assert.ok('refused' in parseClientFrame(`{"type":"ping","ref":1,"x":${'['.repeat(LIMITS.frameBytes)}`));
  });

  test('property: every valid frame comes back from its text as it was', () => {
    fc.assert(
      fc.property(clientFrame, (frame) => assert.equal(parseClientFrame(encodeClientFrame(frame)), frame)),
    );
  });

  test('the largest frames of each kind fit the frame limit', () => {
    const channel = 'A'.repeat(22);
    const id = 'A'.repeat(LIMITS.messageIdMaxChars);
    const ref = 4_294_967_295;
    const position = { epoch: 'A'.repeat(22), offset: Number.MAX_SAFE_INTEGER };
    const grants = `a.b.${'c'.repeat(LIMITS.tokenChars - 4)}`;
    const channels = Array.from({ length: LIMITS.channelsPerCall }, () => ({ channel, position }));
    const frames: ClientFrame[] = [
      { type: 'publish', ref, channel, id, data: 'A'.repeat(LIMITS.dataChars) },
      { type: 'subscribe', ref, grants, channels },
      { type: 'refresh', ref, ticket: grants, grants },
    ];
    for (const frame of frames) assert.ok(encodeClientFrame(frame).length <= LIMITS.frameBytes, frame.type);
  });
});

describe('limits of client frames', ({ test }) => {
  interface Recipe {
    readonly name: 'data' | 'id' | 'channel' | 'channels' | 'epoch' | 'grants' | 'ticket';
    readonly frame: 'publish' | 'subscribe' | 'unsubscribe' | 'refresh';
    readonly lengths: Readonly<Record<string, string>>;
  }
  for (const { name, frame, lengths } of readVectors<Recipe[]>('limits'))
    for (const [length, expected] of Object.entries(lengths))
      test(`${frame}: ${length} of ${name}: ${expected}`, () => {
        const text = JSON.stringify({
          ...smallest(frame),
          ...sized(name, { frame, length: Number(length) }),
        });
        const answer = parseClientFrame(text);
        assert.is('refused' in answer ? answer.refused : 'accepted', expected);
        if ('refused' in answer) assert.is(answer.ref, 7);
      });
});

function smallest(frame: string): object {
  const channel = 'A'.repeat(22);
  const jwt = 'a.b.c';
  if (frame === 'publish') return { type: frame, ref: 7, channel, id: 'A'.repeat(16), data: 'AA' };
  if (frame === 'refresh') return { type: frame, ref: 7, ticket: jwt };
  return { type: frame, ref: 7, channels: frame === 'subscribe' ? [{ channel }] : [channel] };
}

/** The one field that a recipe of limits.json sets, `length` long (protocol.md, "Vectors"). */
function sized(name: string, { frame, length }: { frame: string; length: number }): object {
  if (name === 'grants' || name === 'ticket') return { [name]: `a.b.${'c'.repeat(length - 4)}` };
  if (name === 'epoch')
    return { channels: [{ channel: 'A'.repeat(22), position: { epoch: 'A'.repeat(length), offset: 1 } }] };
  if (name !== 'channels') return { [name]: 'A'.repeat(length) };
  const tags = Array.from({ length }, (_, i) => String(i).padEnd(22, '_'));
  return { channels: frame === 'subscribe' ? tags.map((channel) => ({ channel })) : tags };
}

describe('server frames', ({ test }) => {
  const vectors = readVectors<{
    valid: Valid<ServerFrame>[];
    newer: Valid<object>[];
    ignored: Malformed[];
    malformed: Malformed[];
  }>('server-frames');

  for (const { name, text, frame } of vectors.valid)
    test(`valid: ${name}`, () => {
      assert.equal(parseServerFrame(text), frame);
      assert.is(encodeServerFrame(frame), text);
    });
  for (const { name, text, frame } of vectors.newer)
    test(`from a newer node: ${name}`, () => assert.equal(parseServerFrame(text), frame));
  for (const { name, text } of vectors.ignored)
    test(`ignored: ${name}`, () => assert.is(parseServerFrame(text), 'unknown'));
  for (const { name, text } of vectors.malformed)
    test(`malformed: ${name}`, () => assert.is(parseServerFrame(text), undefined));

  test('property: parsing never throws, whatever the text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseServerFrame(text)));
    fc.assert(fc.property(fc.json(), (text) => void parseServerFrame(text)));
    const types = ['welcome', 'ok', 'failed', 'publication', 'gap', 'revoked', 'pong', 'toString'];
    const near = fc.tuple(
      fc.constantFrom(...types),
      fc.dictionary(fc.constantFrom(...FIELDS), fc.jsonValue()),
    );
    fc.assert(fc.property(near, ([type, rest]) => void parseServerFrame(JSON.stringify({ ...rest, type }))));
  });

  test('failed tells code, advice and detail of a Failure', () => {
    const failure = new Failure('too_many_requests', { detail: 'Slowly', retryAfterMs: 1_500, cause: 'x' });
    assert.equal(failedFrame(3, failure), {
      type: 'failed',
      ref: 3,
      code: 'too_many_requests',
      retry: 'backoff',
      detail: 'Slowly',
      retryAfterMs: 1_500,
    });
  });

  test('failed tells nothing of an unknown error', () => {
    const frame = failedFrame(3, new Error('password=hunter2'));
    assert.equal(frame, { type: 'failed', ref: 3, code: 'internal', retry: 'backoff' });
  });
});

describe('publications', ({ test }) => {
  interface Encoded extends Omit<PublicationFrame, 'type' | 'epoch' | 'offset'> {
    readonly position: Position;
    readonly body: string;
    readonly text: string;
  }
  for (const { position, body, text, ...message } of readVectors<Encoded[]>('publications'))
    test(`body and frame at ${position.epoch}:${position.offset}`, () => {
      const { channel, id, from, data } = message;
      assert.is(encodePublicationBody(channel, id, from, data, message), body);
      assert.is(encodePublication(position, body), text);
      assert.equal(parseServerFrame(text), { type: 'publication', ...position, ...message });
    });

  test('property: the short cut gives exactly what JSON.stringify gives', () => {
    fc.assert(
      fc.property(publication, (frame) => {
        const { epoch, offset, channel, id, from, data } = frame;
        const text = encodePublication({ epoch, offset }, encodePublicationBody(channel, id, from, data));
        assert.is(text, encodeServerFrame(frame));
        assert.equal(parseServerFrame(text), frame);
      }),
    );
  });

  test('a body is one line, so that bodies can be joined by line feeds', () => {
    fc.assert(
      fc.property(publication, ({ channel, id, from, data }) =>
        assert.not.match(encodePublicationBody(channel, id, from, data), /[\r\n]/),
      ),
    );
  });
});

describe('names on the wire', ({ test }) => {
  test('a tag is 22 base64url characters', () => {
    assert.ok(isTag('kX3vQ0aZr8mN1tYw5uBc-g'));
    for (const value of ['', 'A'.repeat(21), 'A'.repeat(23), `${'A'.repeat(21)}=`, 22, null, undefined])
      assert.not.ok(isTag(value), String(value));
  });

  test('a message id is 16 to 36 base64url characters', () => {
    for (const length of [16, 36]) assert.ok(isMessageId('A'.repeat(length)));
    for (const value of ['A'.repeat(15), 'A'.repeat(37), `${'A'.repeat(16)}\n`, 1e16, null])
      assert.not.ok(isMessageId(value), String(value));
  });
});

const FIELDS = [
  ...['ref', 'node', 'connection', 'limits', 'position', 'duplicate', 'channels', 'code', 'retry', 'detail'],
  ...['retryAfterMs', 'channel', 'epoch', 'offset', 'id', 'from', 'data', 'reason'],
];
const CHARACTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'];
const base64Url = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...CHARACTERS), minLength, maxLength });
const tag = base64Url(22, 22);
const messageId = base64Url(16, 36);
const data = base64Url(2, 200).filter((text) => text.length % 4 !== 1);
const jwt = fc.tuple(base64Url(1, 40), base64Url(1, 40), base64Url(1, 40)).map((parts) => parts.join('.'));
const ref = fc.integer({ min: 1, max: 2 ** 32 - 1 });
/** Plain objects, as `JSON.parse` makes them; every field but the `optional` ones is there. */
const plain = <T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }, optional: string[] = []) =>
  fc.record(fields, {
    noNullPrototype: true,
    requiredKeys: Object.keys(fields).filter((name) => !optional.includes(name)) as (keyof T)[],
  }) as fc.Arbitrary<T>; // `optional` is not in the type: exactOptionalPropertyTypes has no word for a left-out key.

const position = plain({ epoch: base64Url(8, 22), offset: fc.maxSafeNat() });
const item = plain({ channel: tag, position }, ['position']);
const type = <T extends string>(name: T) => fc.constant(name);

const clientFrame: fc.Arbitrary<ClientFrame> = fc.oneof(
  plain({ type: type('publish'), ref, channel: tag, id: messageId, data }),
  plain(
    {
      type: type('subscribe'),
      ref,
      grants: jwt,
      channels: fc.uniqueArray(item, { minLength: 1, maxLength: 100, selector: ({ channel }) => channel }),
    },
    ['grants'],
  ),
  plain({
    type: type('unsubscribe'),
    ref,
    channels: fc.uniqueArray(tag, { minLength: 1, maxLength: 100 }),
  }),
  plain({ type: type('refresh'), ref, ticket: jwt, grants: jwt }, ['grants']),
  plain({ type: type('ping'), ref }),
);

const publication: fc.Arbitrary<PublicationFrame> = plain({
  type: type('publication'),
  epoch: base64Url(8, 22),
  offset: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  channel: tag,
  id: messageId,
  from: tag,
  data,
});
