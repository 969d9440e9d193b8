import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { randomId, utf8 } from '../shared/bytes.ts';
import { Failure } from '../shared/failure.ts';
import { throwsWith } from '../shared/testing/expect.ts';
import { describe } from '../shared/testing/suite.ts';
import type { Header } from './ports.ts';
import { readAnswer, readUpgrade, requestFor } from './upgrade.ts';

const REQUEST_ID = randomId();
const GOOD: readonly Header[] = [
  ['Upgrade', 'WebSocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
];
const anyOrigin = () => true;
const request = (headers: readonly Header[], url = '/v1/socket') => ({ method: 'GET', url, headers });

describe('readUpgrade', ({ test }) => {
  test('keeps what a node needs and the hint', () => {
    const headers: Header[] = [
      ...GOOD,
      ['Origin', 'https://a.example'],
      ['Cookie', 'a=b'],
      ['Authorization', 'x'],
    ];
    const upgrade = readUpgrade(request(headers, '/v1/socket?node=n-1.eu_2'), anyOrigin);
    assert.is(upgrade.node, 'n-1.eu_2');
    assert.equal(
      upgrade.headers.map(([name]) => name),
      ['sec-websocket-key', 'sec-websocket-version', 'origin'],
    );
  });

  for (const query of [
    '?',
    '?node=',
    '?node',
    '?x=1',
    '?node=a&x=1',
    '?node=a%0d%0ab',
    `?node=${'a'.repeat(65)}`,
  ])
    test(`${query === '?' ? 'takes' : 'refuses'} the query "${query.slice(0, 20)}"`, () => {
      const read = () => readUpgrade(request(GOOD, `/v1/socket${query}`), anyOrigin);
      if (query === '?') assert.is(read().node, undefined);
      else throwsWith(read, 'bad_request');
    });

  test('asks whether the web origin is allowed before anything else', () => {
    throwsWith(
      () => readUpgrade({ method: 'POST', url: '/x', headers: [] }, () => false),
      'origin_not_allowed',
    );
  });

  test('lets no value break out of its line', () => {
    for (const name of ['Origin', 'Sec-WebSocket-Protocol', 'Sec-WebSocket-Extensions'])
      for (const value of ['a\r\nx: y', 'a\nb', 'a\rb', 'a\u0000b', 'é'])
        throwsWith(() => readUpgrade(request([...GOOD, [name, value]]), anyOrigin), 'bad_request');
  });

  test('either refuses or makes a request of exactly its own lines, whatever comes', () => {
    const name = fc.oneof(
      fc.constantFrom('origin', 'Sec-WebSocket-Protocol', 'Sec-WebSocket-Extensions', 'host', '__proto__'),
      fc.string(),
    );
    const headers = fc.array(fc.tuple(name, fc.string({ unit: 'binary' })), { maxLength: 5 });
    fc.assert(
      fc.property(headers, fc.string(), (more, query) => {
        try {
          const upgrade = readUpgrade(request([...GOOD, ...more], `/v1/socket?${query}`), anyOrigin);
          const text = requestFor(upgrade, { host: 'node', requestId: REQUEST_ID });
          assert.is(text.split('\r\n').length, 5 + upgrade.headers.length + 2);
          assert.match(text, /^[\x20-\x7e\r\n]*$/);
        } catch (error) {
          assert.instance(error, Failure);
        }
      }),
    );
  });
});

describe('readAnswer', ({ test }) => {
  const whole = 'HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: abc\r\nServer: x\r\n\r\nrest';

  test('waits for the whole head, wherever it is cut', () => {
    const end = whole.indexOf('rest');
    for (let length = 0; length < end; length += 1)
      assert.is(readAnswer(utf8(whole.slice(0, length)), REQUEST_ID), undefined);
    for (let length = end; length <= whole.length; length += 1) {
      const answer = readAnswer(utf8(whole.slice(0, length)), REQUEST_ID);
      if (answer?.isOpen !== true) throw new Error('The socket is open');
      assert.is(answer.rest.length, length - end);
    }
  });

  test('builds the head for the client anew', () => {
    const answer = readAnswer(utf8(whole), REQUEST_ID);
    if (answer?.isOpen !== true) throw new Error('The socket is open');
    assert.equal(answer.head.split('\r\n'), [
      'HTTP/1.1 101 Switching Protocols',
      'connection: Upgrade',
      'upgrade: websocket',
      `x-request-id: ${REQUEST_ID}`,
      'sec-websocket-accept: abc',
      '',
      '',
    ]);
  });

  test('waits for the whole body of a refusal', () => {
    const body = '{"code":"origin_not_allowed"}';
    const text = `HTTP/1.1 403 x\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    assert.is(readAnswer(utf8(text.slice(0, -1)), REQUEST_ID), undefined);
    const answer = readAnswer(utf8(text), REQUEST_ID);
    assert.is(answer?.isOpen === false && answer.failure.code, 'origin_not_allowed');
  });

  test('either reads, waits or throws a Failure, whatever comes', () => {
    const start = fc.constantFrom(
      '',
      'HTTP/1.1 101 \r\n',
      'HTTP/1.1 403 x\r\ncontent-length: 3\r\n',
      '\r\n\r\n',
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 100 }), (text, bytes) => {
        try {
          readAnswer(new Uint8Array([...utf8(text), ...bytes]), REQUEST_ID);
        } catch (error) {
          assert.instance(error, Failure);
        }
      }),
    );
  });
});
