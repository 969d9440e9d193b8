import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { createHarness, type Harness, PUBLIC_URL } from './harness.ts';

describe('Web origins', ({ test, before }) => {
  let edge: Harness;
  before(async () => {
    edge = await createHarness({ HUSHWIRE_EDGE_WEB_ORIGINS: 'https://chat.example' });
  });
  const call = (origin: string, path = '/livez', method = 'GET') =>
    edge.client.call(path, { method, headers: { origin } });

  test('that are listed, and the edge’s own, may call', async () => {
    for (const origin of ['https://chat.example', PUBLIC_URL]) {
      const { status, headers } = await call(origin);
      assert.is(status, 200);
      assert.is(headers.get('access-control-allow-origin'), origin);
      assert.is(headers.get('access-control-allow-credentials'), null);
      assert.is(headers.get('vary'), 'Origin');
    }
  });

  for (const origin of [
    'https://evil.example',
    'null',
    '',
    'http://chat.example',
    'https://chat.example:8443',
    'https://CHAT.example',
    'https://chat.example.evil.example',
    'https://chat.example, https://evil.example',
  ])
    test(`refuses "${origin}", before anything else`, async () => {
      const { status, headers, json } = await call(origin);
      assert.is(status, 403);
      assert.is(json.code, 'origin_not_allowed');
      assert.is(headers.get('access-control-allow-origin'), null);
    });

  test('get an answer to a preflight', async () => {
    const { status, headers, json } = await edge.client.call('/v1/connect', {
      method: 'OPTIONS',
      headers: { origin: 'https://chat.example', 'access-control-request-method': 'POST' },
    });
    assert.is(status, 204);
    assert.is(json, undefined);
    assert.is(headers.get('access-control-allow-headers'), 'authorization, content-type');
    assert.is(headers.get('access-control-allow-methods'), 'GET, POST, PUT, DELETE');
  });

  test('that are not listed get none', async () => {
    const { status } = await edge.client.call('/v1/connect', {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    assert.is(status, 403);
  });

  test('may read a failure', async () => {
    const { headers } = await call('https://chat.example', '/nowhere');
    assert.is(headers.get('access-control-allow-origin'), 'https://chat.example');
  });
});
