/** Everything the relay promises on one server, on a Cluster of three masters. */
import { describe } from '../../shared/testing/suite.ts';
import { describeRedisBroker } from './redis-broker-contract.ts';
import { describeRedisMailboxes } from './redis-mailboxes-contract.ts';
import { describeRedisPresences } from './redis-presences-contract.ts';
import { describeRedisRest } from './redis-rest-contract.ts';
import { shareCluster } from './relays.ts';

const shared = shareCluster();

describe('cluster', ({ test }) => {
  test('starts', async () => void (await shared.cluster()));
}, 30_000);
describeRedisBroker('Redis Cluster', shared.start);
describeRedisMailboxes('Redis Cluster', shared.start);
describeRedisPresences('Redis Cluster', shared.start);
describeRedisRest('Redis Cluster', shared.start);
describe('cluster end', ({ test }) => {
  test('every server ends', () => shared.stop());
});
