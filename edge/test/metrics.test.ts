import * as assert from 'uvu/assert';
import { freePort } from '../../deploy/local/ports.ts';
import { startEdge } from '../../deploy/local/servers/edge.ts';
import { describe } from '../../shared/testing/suite.ts';
import { Client } from './client.ts';
import { type EdgeStack, startEdgeStack } from './stack.ts';

describe('metrics of the edge on Deno', ({ test, before, after }) => {
  let stack: EdgeStack;
  let port: number;
  before(async () => {
    port = await freePort();
    stack = await startEdgeStack((options) =>
      startEdge({
        ...options,
        env: { HUSHWIRE_EDGE_METRICS_PORT: String(port) },
      }),
    );
  });
  after(() => stack?.stop());

  const scrape = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();

  test('count answers by route, never by path, on a port of their own', async () => {
    const client = new Client({ baseUrl: stack.edge.url, send: (request) => fetch(request) });
    const alice = await client.join();
    const channelId = await client.createChannel(alice);
    await client.call(`/v1/channels/${channelId}/members`, {
      method: 'POST',
      token: alice.token,
      body: { userId: alice.userId },
    });
    await fetch(`${stack.edge.url}/v1/${channelId}/made-up`, { method: 'PATCH' });
    const text = await scrape();
    assert.match(text, /hushwire_edge_requests_total\{route="\/v1\/accounts",method="POST",status="201"\} 1/);
    assert.match(text, 'route="/v1/channels/:channelId/members"');
    assert.match(text, /hushwire_edge_requests_total\{route="none",method="other",status="404"\} 1/);
    assert.match(
      text,
      /^hushwire_edge_request_duration_seconds_bucket\{le="0\.1",route="\/v1\/accounts"\} 1$/m,
    );
    for (const id of [channelId, alice.userId, alice.device.deviceId]) assert.not.match(text, id);
  });

  test('are not among what the service answers', async () => {
    assert.is((await fetch(`${stack.edge.url}/metrics`)).status, 404);
    assert.is((await fetch(`http://127.0.0.1:${port}/other`)).status, 404);
  });
}, 30_000);
