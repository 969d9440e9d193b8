import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { Answer, SignedIn } from './client.ts';
import { joinWithKeys, type KeyOwner, lookUp, newPackages, upload } from './key-owner.ts';
import { type RealStores, startRealStores } from './real-stores.ts';

/**
 * Each look-up is five requests to the state Redis, all from this one process: many more at once take a busy machine longer
 * than the 2 s a request may take, and are refused. Two hundred at once are for the stores' own tests.
 */
const AT_ONCE = 50;

describe('Keys over real stores', ({ test, needs, before, after, beforeEach }) => {
  needs('redis-server');
  let stores: RealStores;
  let alice: KeyOwner;
  let askers: SignedIn[];
  before(async () => {
    stores = await startRealStores();
    askers = await Promise.all([1, 2, 3, 4].map(() => stores.client.join()));
  });
  after(() => stores.stop());
  beforeEach(async () => {
    alice = await joinWithKeys(stores.client);
  });
  const ask = (i = 0) => lookUp(stores.client, askers[i % 4] ?? alice, [alice.userId]);
  const deviceOf = ({ json }: Answer) => json.users[0].devices[0];

  test('give crowds that ask at once packages that nobody else gets, and all of them in the end', async () => {
    const [packages, lastResort] = [newPackages(60), randomId(300)];
    await upload(stores.client, alice, { version: 1, packages, lastResort });
    const given = [deviceOf(await ask()), deviceOf(await ask())];
    for (let round = 0; round < 4; round += 1)
      given.push(...(await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => ask(i)))).map(deviceOf));
    const isFresh = (device: { isLastResort?: true }) => device.isLastResort !== true;
    // One that claimed for others may have come last: at most what one claim takes waits for whoever comes now.
    assert.ok(given.filter(isFresh).length >= 60 - 9);
    for (let i = 0; i < 10; i += 1) given.push(deviceOf(await ask()));
    assert.equal(
      given
        .filter(isFresh)
        .map((device) => device.package)
        .sort(),
      [...packages].sort(),
    );
    assert.ok(given.every((device) => isFresh(device) || device.package === lastResort));
    assert.is(given.length, 212);
  });

  test('lose what was claimed with Redis, and give nothing out twice', async () => {
    const packages = newPackages(30);
    await upload(stores.client, alice, { version: 1, packages });
    const given = [];
    for (let i = 0; i < 12; i += 1) {
      if (i % 4 === 3) await stores.redis.flushall();
      given.push(deviceOf(await ask(i)).package);
    }
    const fresh = given.filter((item) => item !== undefined);
    assert.is(new Set(fresh).size, fresh.length);
    assert.ok(fresh.length >= 6, String(fresh.length));
  });

  test('expire in Redis, and lie there sealed', async () => {
    const packages = newPackages(30);
    await upload(stores.client, alice, { version: 1, packages });
    for (const _ of [1, 2]) await ask();
    const keys = await stores.redis.keys('hw1:k*');
    assert.ok(
      keys.some((key) => key.startsWith('hw1:kpkg:')) && keys.some((key) => key.startsWith('hw1:keys:')),
    );
    for (const key of keys) assert.ok((await stores.redis.ttl(key)) > 86_400, key);
    const hashes = await Promise.all(
      keys.filter((key) => key.startsWith('hw1:kpkg:')).map((key) => stores.redis.hgetall(key)),
    );
    const stored = JSON.stringify(hashes);
    for (const item of packages) assert.not.match(stored, item.slice(0, 40));
  });
}, 20_000);
