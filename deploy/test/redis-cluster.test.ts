import { Redis } from 'ioredis';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { identityOf } from '../local/servers/identity.ts';
import { askRedis } from '../local/servers/redis-ask.ts';
import { type RedisCluster, startRedisCluster } from '../local/servers/redis-cluster.ts';
import { moveSlot } from '../local/servers/redis-cluster-commands.ts';

/** Slot of `a` (CLUSTER KEYSLOT): the last third. */
const SLOT_OF_A = 15_495;

describe('redis cluster launcher', ({ test, before, after }) => {
  let cluster: RedisCluster;
  const master = (index: number) => {
    const found = cluster.masters[index];
    if (found === undefined) throw new Error(`No master ${index}`);
    return found;
  };
  const replicaOf = (index: number) => {
    const found = cluster.replicas[index]?.[0];
    if (found === undefined) throw new Error(`No replica of ${index}`);
    return found;
  };
  before(async () => {
    cluster = await startRedisCluster({ replicas: 1, keeps: true });
  });
  after(() => cluster.stop());

  test('every slot is served, by its own node only', async () => {
    for (const { url } of cluster.masters)
      assert.match(String(await askRedis(url, 'CLUSTER', 'INFO')), /cluster_slots_ok:16384/);
    assert.is(await askRedis(master(2).url, 'SET', 'a', '1'), 'OK');
    const refusal = askRedis(master(0).url, 'GET', 'a').catch((error: Error) => error.message);
    assert.is(await refusal, `MOVED ${SLOT_OF_A} 127.0.0.1:${master(2).port}`);
  });

  test('a slot moves with its keys, and in between is answered by neither side alone', async () => {
    const move = { from: master(2), to: master(1), password: cluster.password };
    await askRedis(master(2).url, 'SET', '{a}1', '1');
    const onMoving = async () => {
      const refusal = askRedis(master(2).url, 'GET', '{a}none').catch((error: Error) => error.message);
      assert.is(await refusal, `ASK ${SLOT_OF_A} 127.0.0.1:${master(1).port}`);
    };
    await moveSlot(SLOT_OF_A, { ...move, onMoving });
    assert.is(await askRedis(master(1).url, 'GET', '{a}1'), '1');
    await moveSlot(SLOT_OF_A, { ...move, from: master(1), to: master(2) });
    assert.is(await askRedis(master(2).url, 'GET', 'a'), '1');
  });

  test('a replica takes over from a killed master, which comes back with what it kept', async () => {
    await cluster.kill(master(2));
    assert.ok(identityOf(master(2).pid) === undefined);
    await cluster.failover(replicaOf(2), 'takeover');
    assert.is(await askRedis(replicaOf(2).url, 'GET', 'a'), '1');
    const back = await cluster.restart(master(2));
    const redis = new Redis(back.url, { protocol: 2 });
    assert.is(await redis.call('CLUSTER', 'MYID'), master(2).id);
    redis.disconnect();
  });

  test('an orderly failover changes the roles of two living nodes', async () => {
    await cluster.failover(replicaOf(0), 'orderly');
    assert.is(((await askRedis(master(0).url, 'ROLE')) as unknown[])[0], 'slave');
  });
}, 30_000);
