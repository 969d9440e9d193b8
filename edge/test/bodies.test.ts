import * as assert from 'uvu/assert';
import { LIMITS } from '../../shared/limits.ts';
import { describe } from '../../shared/testing/suite.ts';
import { createHarness, type Harness } from './harness.ts';

describe('Bodies', ({ test, before }) => {
  let edge: Harness;
  before(async () => {
    edge = await createHarness();
  });
  const post = (text: string | Uint8Array<ArrayBuffer>, headers = {}) =>
    edge.client.call('/v1/sessions', { text, headers });

  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json5',
    'application/a+json',
    '',
  ])
    test(`of type "${type}" are refused`, async () => {
      const { status, json } = await post('{}', { 'content-type': type });
      assert.is(status, 415);
      assert.is(json.code, 'unsupported_media_type');
    });

  for (const type of [
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'Application/JSON',
  ])
    test(`of type ${type} are read`, async () => {
      assert.is((await post('{}', { 'content-type': type })).json.code, 'bad_request');
    });

  for (const text of [
    '',
    '{',
    '{"assertion":}',
    'null',
    '[]',
    '"x"',
    '1',
    '{}',
    '['.repeat(60_000),
    '\u0000',
    '{"a":1}',
  ])
    test(`that are ${JSON.stringify(text.slice(0, 16))} are refused`, async () => {
      const { status, json } = await post(text);
      assert.is(status, 400);
      assert.is(json.code, 'bad_request');
    });

  test('that are not UTF-8 are refused', async () => {
    assert.is((await post(new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]))).json.code, 'bad_request');
  });

  test('with a field nobody knows are refused, without repeating its name', async () => {
    for (const name of ['extra', '__proto__', 'constructor', 'toString']) {
      const { status, json } = await post(`{"assertion":"a.b.c","${name}":1}`);
      assert.is(status, 400, name);
      assert.is(json.detail, 'Unknown field');
    }
  });

  test('with a wrong type are refused, naming the field', async () => {
    for (const value of ['null', '1', '{}', '["a.b.c"]', '"a.b"', `"a.b.${'c'.repeat(2_048)}"`]) {
      const { json } = await post(`{"assertion":${value}}`);
      assert.is(json.code, 'bad_request');
      assert.is(json.detail, 'Malformed or missing: assertion');
    }
  });

  test('are read up to 64 KiB and refused beyond', async () => {
    const filled = (bytes: number) => `{"assertion":"${'x'.repeat(bytes - 16)}"}`;
    assert.is(filled(LIMITS.bodyBytes).length, LIMITS.bodyBytes);
    for (const bytes of [LIMITS.bodyBytes - 1, LIMITS.bodyBytes])
      assert.is((await post(filled(bytes))).json.code, 'bad_request');
    for (const bytes of [LIMITS.bodyBytes + 1, LIMITS.bodyBytes * 20]) {
      const { status, json } = await post(filled(bytes));
      assert.is(status, 413);
      assert.is(json.code, 'payload_too_large');
    }
  });
});
