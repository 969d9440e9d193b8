import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import { readVectors } from '../../shared/testing/vectors.ts';
import { LIMIT_RULES } from '../limits.ts';
import { createHarness, type Harness } from './harness.ts';

const [vector] = readVectors<{
  stamps: { secret: string; id: string; from: string; commitment: string; stamp: string }[];
}>('franking').stamps;

describe('POST /v1/channels/{channelId}/reports', ({ test }) => {
  const body = () => {
    if (vector === undefined) throw new TypeError('No vector');
    const { id, from, commitment, stamp } = vector;
    return { message: id, from, commitment, stamp };
  };
  const setUp = async () => {
    const edge = await createHarness({ HUSHWIRE_EDGE_FRANKING_KEYS: vector?.secret ?? '' });
    const [owner, other] = [await edge.client.join(), await edge.client.join()];
    const channelId = randomId();
    await edge.client.call('/v1/channels', { token: owner.token, body: { channelId } });
    return { edge, owner, other, channelId };
  };
  const report = (edge: Harness, token: string, channelId: string) =>
    edge.client.call(`/v1/channels/${channelId}/reports`, { token, body: body() });

  test('refuses the stamp of another channel, and tells strangers nothing of it', async () => {
    const { edge, owner, other, channelId } = await setUp();
    assert.is((await report(edge, owner.token, channelId)).json.code, 'report_refused');
    assert.is((await report(edge, other.token, channelId)).json.code, 'forbidden');
    assert.is((await report(edge, other.token, randomId())).json.code, 'forbidden');
  });

  test('has a budget of its own for each account', async () => {
    const { edge, owner, other, channelId } = await setUp();
    const { token } = owner;
    for (let i = 0; i < LIMIT_RULES.report.calls; i += 1)
      assert.is((await report(edge, token, channelId)).status, 422);
    const refused = await report(edge, token, channelId);
    assert.equal([refused.status, refused.json.code], [429, 'too_many_requests']);
    assert.is((await report(edge, other.token, channelId)).status, 403);
    const made = await edge.client.call('/v1/channels', { token, body: { channelId: randomId() } });
    assert.is(made.status, 201);
  });

  test('takes two trips at most when warm, and asks no origin', async () => {
    const { edge, owner, channelId } = await setUp();
    await report(edge, owner.token, channelId);
    edge.trips.reset();
    await report(edge, owner.token, channelId);
    assert.not(
      edge.trips.calls.some((call) => call.startsWith('origin.')),
      edge.trips.calls.join(),
    );
    assert.ok(edge.trips.turns <= 2, `${edge.trips.turns} trips`);
  });
});
