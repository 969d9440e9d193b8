import * as assert from 'uvu/assert';
import { LIMITS } from '../../shared/limits.ts';
import type { Suite } from '../../shared/testing/suite.ts';
import type { Client } from './client.ts';
import { openRaw } from './raw-client.ts';

/** What comes over a real wire: bodies, headers, targets and bytes that are none of these. */
export function wireContract({ test }: Suite, client: () => Client): void {
  const raw = async (text: string | Uint8Array) => {
    const connection = await openRaw(Number(new URL(client().baseUrl).port), text);
    const answer = await connection.answer();
    connection.socket.destroy();
    return answer;
  };
  const isAlive = async () => assert.is((await client().call('/livez')).status, 200);

  test('answers unknown places and methods', async () => {
    assert.is((await client().call('/nowhere')).json.code, 'not_found');
    const { status, headers } = await client().call('/v1/connect', { method: 'DELETE' });
    assert.is(status, 405);
    assert.is(headers.get('allow'), 'POST');
  });

  test('refuses other media types, broken JSON, unknown fields and wrong types', async () => {
    const post = (text: string | Uint8Array<ArrayBuffer>, headers = {}) =>
      client().call('/v1/sessions', { text, headers });
    assert.is((await post('{}', { 'content-type': 'text/plain' })).json.code, 'unsupported_media_type');
    for (const text of ['', '{', '[]', '{"assertion":1}', '{"assertion":"a.b.c","x":1}', '{"__proto__":{}}'])
      assert.is((await post(text)).json.code, 'bad_request', text);
    assert.is((await post(new Uint8Array([0x22, 0xc3, 0x28, 0x22]))).json.code, 'bad_request');
  });

  test('refuses bodies over the limit, announced or not', async () => {
    const text = `{"assertion":"${'x'.repeat(LIMITS.bodyBytes)}"}`;
    const announced = await client().call('/v1/sessions', { text });
    assert.is(announced.status, 413);
    assert.is(announced.json.code, 'payload_too_large');
    const chunk = `1000\r\n${'x'.repeat(0x1000)}\r\n`;
    const chunked = await raw(
      `${head('POST /v1/sessions', ['Transfer-Encoding: chunked'])}${chunk.repeat(17)}`,
    );
    assert.is(chunked.status, 413);
    assert.is(chunked.json.code, 'payload_too_large');
    await isAlive();
  });

  test('refuses a body it was only told about without waiting for it', async () => {
    const answer = await raw(head('POST /v1/sessions', [`Content-Length: ${LIMITS.bodyBytes + 1}`]));
    assert.is(answer.status, 413);
    await isAlive();
  });

  test('outlives clients that break off at any moment', async () => {
    const port = Number(new URL(client().baseUrl).port);
    const whole = `${head('POST /v1/sessions', ['Content-Length: 20'])}{"assertion":"a.b.c"`;
    for (let length = 1; length <= whole.length; length += 17) {
      const connection = await openRaw(port, whole.slice(0, length));
      connection.socket.resetAndDestroy();
    }
    await isAlive();
  });

  test('is closed to pages of other web origins, and open to its own', async () => {
    for (const origin of ['https://evil.example', 'null']) {
      const { status, headers, json } = await client().call('/livez', { headers: { origin } });
      assert.is(status, 403);
      assert.is(json.code, 'origin_not_allowed');
      assert.is(headers.get('access-control-allow-origin'), null);
    }
    const own = await client().call('/livez', { headers: { origin: client().baseUrl } });
    assert.is(own.headers.get('access-control-allow-origin'), client().baseUrl);
  });

  test('names each request itself', async () => {
    const answers = await Promise.all(
      [1, 2, 3].map(() => client().call('/livez', { headers: { 'x-request-id': 'mine' } })),
    );
    assert.is(new Set(answers.map(({ headers }) => headers.get('x-request-id'))).size, 3);
  });
}

export function head(line: string, headers: readonly string[]): string {
  return [
    `${line} HTTP/1.1`,
    'Host: edge.example',
    'Content-Type: application/json',
    ...headers,
    '',
    '',
  ].join('\r\n');
}
