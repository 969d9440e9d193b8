import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { createHarness, type Harness } from './harness.ts';

describe('Every answer', ({ test, before }) => {
  let edge: Harness;
  before(async () => {
    edge = await createHarness();
  });

  test('has a fresh request id, whatever the request brought', async () => {
    const headers = { 'x-request-id': 'mine' };
    const ids = await Promise.all([1, 2, 3].map(() => edge.client.call('/livez', { headers })));
    const seen = new Set(ids.map((answer) => answer.headers.get('x-request-id')));
    assert.is(seen.size, 3);
    assert.not.ok(seen.has('mine'));
  });

  test('that fails has the id in its body as well', async () => {
    const { headers, json } = await edge.client.call('/nowhere');
    assert.is(json.requestId, headers.get('x-request-id'));
    assert.is(headers.get('content-type'), 'application/problem+json');
  });
});

describe('Routing', ({ test, before }) => {
  let edge: Harness;
  before(async () => {
    edge = await createHarness();
  });

  for (const path of [
    '/',
    '/v1',
    '/v2/accounts',
    '/v1/accounts/',
    '/v1//accounts',
    '/V1/accounts',
    '/livez/..%2f',
  ])
    test(`answers not_found to ${path}`, async () => {
      for (const method of ['GET', 'POST', 'DELETE']) {
        const { status, json } = await edge.client.call(path, { method });
        assert.is(status, 404);
        assert.is(json.code, 'not_found');
      }
    });

  const wrong: readonly [string, string, string][] = [
    ['GET', '/v1/accounts', 'POST'],
    ['PUT', '/v1/sessions', 'DELETE, GET, HEAD, POST'],
    ['POST', '/v1/account', 'DELETE'],
    ['DELETE', '/v1/connect', 'POST'],
    ['OPTIONS', '/v1/connect', 'POST'],
    ['PATCH', '/v1/channels/AAAAAAAAAAAAAAAAAAAAAA/members', 'POST'],
    ['POST', '/livez', 'GET, HEAD'],
    ['POST', '/v1/socket', 'GET, HEAD'],
    ['DELETE', '/.well-known/jwks.json', 'GET, HEAD'],
  ];
  for (const [method, path, allow] of wrong)
    test(`answers method_not_allowed to ${method} ${path}`, async () => {
      const { status, headers, json } = await edge.client.call(path, { method });
      assert.is(status, 405);
      assert.is(json.code, 'method_not_allowed');
      assert.is(headers.get('allow'), allow);
    });

  test('answers HEAD like GET, without a body', async () => {
    const { status, json } = await edge.client.call('/livez', { method: 'HEAD' });
    assert.is(status, 200);
    assert.is(json, undefined);
  });

  test('answers upgrade_required to a socket without an upgrade', async () => {
    const { status, headers, json } = await edge.client.call('/v1/socket');
    assert.is(status, 426);
    assert.is(json.code, 'upgrade_required');
    assert.is(headers.get('upgrade'), 'websocket');
  });
});
