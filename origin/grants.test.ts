import * as assert from 'uvu/assert';
import { isFailure } from '../shared/failure.ts';
import type { FailureCode } from '../shared/failures.ts';
import { describe } from '../shared/testing/suite.ts';
import type { Verb } from '../shared/token.ts';
import { Grants } from './grants.ts';

const SESSION = 'session';
const MOST = 4;

const bundle = (
  expiresAtMs: number,
  channels: readonly string[],
  { generation = 1, session = SESSION } = {},
) => ({
  session,
  expiresAtMs,
  grants: channels.map((channel) => ({
    channel,
    member: 'member',
    generation,
    verbs: ['subscribe', 'publish'] as readonly Verb[],
  })),
});
const refuses = (code: FailureCode, act: () => unknown) =>
  assert.throws(act, (error: unknown) => isFailure(error, code));

describe('the grants of one connection', ({ test }) => {
  test('end when they end, each with its channel, and once', () => {
    const grants = new Grants(MOST);
    grants.add(bundle(1_000, ['a']), SESSION);
    grants.add(bundle(2_000, ['b']), SESSION);
    assert.equal(grants.takeExpired(999), []);
    assert.equal(grants.takeExpired(1_000), ['a']);
    assert.equal(grants.takeExpired(1_001), []);
    refuses('grant_required', () => grants.need('a', 'subscribe', 1_001));
    assert.is(grants.need('b', 'subscribe', 1_999).channel, 'b');
    refuses('grant_expired', () => grants.need('b', 'subscribe', 2_000));
    assert.equal(grants.takeExpired(2_000), ['b']);
  });

  test('renewed in time go on, and one that comes late shortens nothing', () => {
    const grants = new Grants(MOST);
    grants.add(bundle(1_000, ['a', 'b']), SESSION);
    grants.add(bundle(5_000, ['a']), SESSION);
    grants.add(bundle(900, ['a']), SESSION);
    assert.equal(grants.takeExpired(1_000), ['b']);
    assert.equal(grants.takeExpired(4_999), []);
    assert.equal(grants.takeExpired(5_000), ['a']);
  });

  test('of another session or an older generation are refused whole, and more channels than the limit', () => {
    const grants = new Grants(MOST);
    grants.add(bundle(1_000, ['a'], { generation: 2 }), SESSION);
    refuses('grant_refused', () => grants.add(bundle(9_000, ['b'], { session: 'other' }), SESSION));
    refuses('grant_refused', () => grants.add(bundle(9_000, ['b', 'a']), SESSION));
    refuses('channel_limit', () => grants.add(bundle(9_000, ['b', 'c', 'd', 'e']), SESSION));
    refuses('grant_required', () => grants.need('b', 'subscribe', 0));
    assert.equal(grants.takeExpired(1_000), ['a']);
  });
});
