import * as assert from 'uvu/assert';
import type { Suite } from '../../shared/testing/suite.ts';
import { openRaw, upgradeRequest } from './raw-client.ts';
import { ALLOWED_ORIGIN, nodeAt, type RelayUnderTest, refuse } from './relay-kit.ts';
import { type StubNode, startStubNode } from './stub-node.ts';

/** Every refusal is problem details: the edge's own, and a node's. */
export function refusals({ test, beforeEach, afterEach }: Suite, relay: () => RelayUnderTest): void {
  let node: StubNode;
  beforeEach(async () => {
    node = await startStubNode();
    await relay().setNodes([nodeAt('n1', node.url)]);
  });
  afterEach(() => node.stop());

  const bad: readonly [string, Parameters<typeof upgradeRequest>[0], number, string][] = [
    ['a foreign web origin', { headers: { Origin: 'https://evil.example' } }, 403, 'origin_not_allowed'],
    ['the origin null', { headers: { Origin: 'null' } }, 403, 'origin_not_allowed'],
    [
      'an allowed origin and a second one',
      { headers: { Origin: ALLOWED_ORIGIN }, more: ['Origin: https://evil.example'] },
      400,
      'bad_request',
    ],
    ['another path', { line: 'GET /v1/connect HTTP/1.1' }, 404, 'not_found'],
    ['a longer path', { line: 'GET /v1/socket/ HTTP/1.1' }, 404, 'not_found'],
    [
      'another method',
      { line: 'POST /v1/socket HTTP/1.1', headers: { 'Content-Length': '0' } },
      405,
      'method_not_allowed',
    ],
    ['another protocol', { headers: { Upgrade: 'h2c' } }, 400, 'bad_request'],
    ['another version', { headers: { 'Sec-WebSocket-Version': '8' } }, 400, 'protocol_unsupported'],
    ['no key', { headers: { 'Sec-WebSocket-Key': undefined } }, 400, 'protocol_unsupported'],
    ['a malformed key', { headers: { 'Sec-WebSocket-Key': 'short' } }, 400, 'protocol_unsupported'],
    ['a ticket in the URL', { line: 'GET /v1/socket?ticket=a.b.c HTTP/1.1' }, 400, 'bad_request'],
    ['a malformed node', { line: 'GET /v1/socket?node=../x HTTP/1.1' }, 400, 'bad_request'],
    ['a node that came twice', { line: 'GET /v1/socket?node=a&node=b HTTP/1.1' }, 400, 'bad_request'],
    ['a body', { headers: { 'Content-Length': '5' } }, 400, 'bad_request'],
  ];
  for (const [what, overrides, status, code] of bad)
    test(`refuses ${what}, without asking a node`, async () => {
      const client = await openRaw(relay().port, upgradeRequest(overrides));
      const answer = await client.answer();
      assert.is(answer.status, status);
      assert.is(answer.json.code, code);
      assert.is(answer.headers['content-type'], 'application/problem+json');
      assert.is(answer.headers['cache-control'], 'no-store');
      assert.is(answer.headers.allow, status === 405 ? 'GET' : undefined);
      assert.is(answer.json.requestId, answer.headers['x-request-id']);
      await client.ended;
      client.socket.destroy();
      assert.is(node.connections.length, 0);
    });

  const passedOn: readonly [number, string, number, string][] = [
    [403, 'origin_not_allowed', 403, 'origin_not_allowed'],
    [400, 'protocol_unsupported', 400, 'protocol_unsupported'],
    [429, 'too_many_requests', 429, 'too_many_requests'],
    [503, 'server_draining', 503, 'server_draining'],
    [401, 'token_refused', 503, 'unavailable'],
    [500, 'internal', 503, 'unavailable'],
    [403, 'no_such_code', 503, 'unavailable'],
  ];
  for (const [status, code, wanted, wantedCode] of passedOn)
    test(`answers ${wantedCode} when the node refuses with ${code}`, async () => {
      const client = await openRaw(relay().port, upgradeRequest());
      refuse(await node.next(), status, code);
      const answer = await client.answer();
      assert.is(answer.status, wanted);
      assert.is(answer.json.code, wantedCode);
      assert.is(answer.json.detail, undefined);
      client.socket.destroy();
    });

  test('answers unavailable without nodes, and with draining ones only', async () => {
    for (const nodes of [[], [{ ...nodeAt('n1', node.url), isDraining: true }]]) {
      await relay().setNodes(nodes);
      const client = await openRaw(relay().port, upgradeRequest());
      assert.is((await client.answer()).json.code, 'unavailable');
      client.socket.destroy();
    }
  });
}
