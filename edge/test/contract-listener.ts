import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type { Suite } from '../../shared/testing/suite.ts';
import type { Client } from './client.ts';
import { head } from './contract-wire.ts';
import { openRaw } from './raw-client.ts';

/** What a listener of our own must do with bytes that are no good request. On Workers the listener is the platform's. */
export function listenerContract({ test }: Suite, client: () => Client): void {
  const raw = async (text: string | Uint8Array) => {
    const connection = await openRaw(Number(new URL(client().baseUrl).port), text);
    const answer = await connection.answer();
    connection.socket.destroy();
    return answer;
  };
  const isAlive = async () => assert.is((await client().call('/livez')).status, 200);

  test('refuses headers over the limit, and lives', async () => {
    for (const size of [20_000, 200_000]) {
      const { status, json } = await raw(head('GET /livez', [`X-Large: ${'x'.repeat(size)}`]));
      assert.is(status, 413);
      assert.is(json.code, 'payload_too_large');
    }
    await isAlive();
  });

  test('refuses what is no HTTP, and lives', async () => {
    const nonsense = [
      '\u0000\u0001\u0002\r\n\r\n',
      'GET\r\n\r\n',
      'GET /livez HTTP/9.9\r\n\r\n',
      `${randomId(200)}\r\n\r\n`,
    ];
    for (const text of nonsense) {
      const connection = await openRaw(Number(new URL(client().baseUrl).port), text);
      await connection.ended;
      assert.not.match(String(connection.received()), 'HTTP/1.1 5');
      assert.not.match(String(connection.received()), 'HTTP/1.1 2');
      connection.socket.destroy();
    }
    await isAlive();
  });

  test('refuses a request that could be read in two ways', async () => {
    const both = ['Content-Length: 4', 'Transfer-Encoding: chunked'];
    const twice = ['Content-Length: 4', 'Content-Length: 5'];
    for (const headers of [both, twice]) {
      const { status } = await raw(`${head('POST /v1/sessions', headers)}0\r\n\r\n`);
      assert.is(status, 400);
    }
    await isAlive();
  });

  test('does not mind strange hosts and targets', async () => {
    const port = Number(new URL(client().baseUrl).port);
    for (const text of [
      'GET /livez HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
      'GET /livez HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n',
      'GET http://evil.example/livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      'GET //livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      'GET /v1/channels/%00/members HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      'GET /\\evil HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    ]) {
      const connection = await openRaw(port, text);
      const { status } = await connection.answer();
      assert.ok(status < 500, `${JSON.stringify(text.slice(0, 40))} answered ${status}`);
      connection.socket.destroy();
    }
    await isAlive();
  });
}
