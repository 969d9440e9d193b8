import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { createHarness, type Harness } from './harness.ts';

describe('Health', ({ test, beforeEach }) => {
  let edge: Harness;
  beforeEach(async () => {
    edge = await createHarness();
  });

  test('tells that the process answers, whatever it depends on', async () => {
    edge.state.setDown(true);
    edge.origin.setDown(true);
    for (const path of ['/livez', '/readyz'])
      assert.equal((await edge.client.call(path)).json, { status: 'ok' });
    assert.equal(edge.trips.calls, []);
  });

  test('tells balancers when it drains', async () => {
    edge.setDraining(true);
    const { status, json } = await edge.client.call('/readyz');
    assert.is(status, 503);
    assert.is(json.code, 'server_draining');
    assert.is((await edge.client.call('/livez')).status, 200);
  });

  test('reports its parts, asking them at most once a second', async () => {
    for (const { json } of await Promise.all([1, 2, 3].map(() => edge.client.call('/healthz')))) {
      assert.is(json.status, 'ok');
      assert.is(json.origin.nodes, 3);
    }
    assert.equal(edge.trips.calls, ['state.ping', 'origin.nodes']);
    edge.state.setDown(true);
    assert.is((await edge.client.call('/healthz')).json.status, 'ok');
    edge.clock.advance(1_000);
    const { status, json: later } = await edge.client.call('/healthz');
    assert.is(status, 200);
    assert.is(later.status, 'degraded');
    assert.is(later.state.isUp, false);
    assert.is(later.origin.isUp, true);
  });
});

describe('Faults of our own', ({ test, before }) => {
  let edge: Harness;
  before(async () => {
    edge = await createHarness();
  });

  test('are told as internal and nothing more, and logged by class with the request id', async () => {
    const alice = await edge.client.join();
    edge.state.look = () => Promise.reject(new TypeError('GET hw1:sess:secret failed at 10.0.0.7'));
    const { status, headers, json } = await edge.client.call('/v1/connect', {
      token: alice.token,
      body: { channels: [] },
    });
    assert.is(status, 500);
    assert.equal(Object.keys(json).sort(), ['code', 'requestId', 'retry', 'status', 'title', 'type']);
    assert.is(json.code, 'internal');
    assert.equal(edge.logged, [
      {
        event: 'request.failed',
        fields: {
          requestId: headers.get('x-request-id') as string,
          code: 'internal',
          status: 500,
          error: 'TypeError',
        },
      },
    ]);
  });
});
