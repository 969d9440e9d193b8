import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import postgres from 'postgres';
import * as assert from 'uvu/assert';
import { randomId, utf8 } from '../../shared/bytes.ts';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { systemClock } from '../../shared/client/clock.ts';
import { memoryDeviceStore } from '../../shared/client/device.ts';
import { type Client, connectAccount } from '../../shared/client/hushwire.ts';
import { askToJoin } from '../../shared/client/join.ts';
import type { ClientOptions } from '../../shared/client/options.ts';
import { rejectsWith, until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { codeAt } from './authenticator.ts';
import { PUBLIC_URL } from './harness.ts';
import { type RealStores, startRealStores } from './real-stores.ts';

/** Every row as `table: its text`, and every key as `store kind: its name`. */
type Dump = ReadonlyMap<string, string>;
const COLUMNS = ['device', 'account', 'channel'] as const;
type Column = (typeof COLUMNS)[number];

/** SECURITY.md tells what remains; each test holds a dump of every store against it, both ways. */
describe('What remains', ({ test, needs, before, after }) => {
  needs('redis-server');
  let stores: RealStores;
  let sql: postgres.Sql;
  let friend: Client;
  const open: Client[] = [];
  before(async () => {
    stores = await startRealStores();
    sql = postgres(stores.databaseUrl, { max: 1, onnotice: () => undefined });
    friend = await connect();
    await friend.keys.publish(utf8('identity of a friend'));
  });
  after(async () => {
    for (const client of open) client.close();
    await sql?.end();
    await stores?.stop();
  });

  const connect = async (options: Partial<ClientOptions> = {}) => {
    const clock = { ...systemClock, now: stores.now };
    const base = { edge: PUBLIC_URL, fetch: stores.fetch, openSocket: openNodeSocket, clock };
    const client = await connectAccount({ ...base, through: 'direct', ...options });
    open.push(client);
    return client;
  };
  const dump = async (): Promise<Dump> => {
    const found = new Map<string, string>();
    const tables = await sql<{ name: string }[]>`
      select table_name as name from information_schema.tables where table_schema = 'hushwire'`;
    for (const { name } of tables)
      for (const row of await sql<{ text: string }[]>`
        select row_to_json(one)::text as text from ${sql(`hushwire.${name}`)} as one`)
        found.set(`${name} ${row.text}`, `PostgreSQL ${name}`);
    const read = async (store: string, redis: Redis) => {
      for (const key of await redis.keys('*')) found.set(`${store} ${key}`, `${store} ${kindOf(key)}`);
    };
    await read('state Redis', stores.redis);
    await read('relay Redis', stores.relay);
    return found;
  };
  /** What is there now and was not before, by place. */
  const left = (was: Dump, is: Dump): string[] =>
    [...new Set([...is].filter(([item]) => !was.has(item)).map(([, place]) => place))].sort();
  /** Something in every place that a device can leave something in. */
  const use = async (client: Client) => {
    await client.keys.upload(
      Array.from({ length: 25 }, (_, i) => utf8(`package ${i}`)),
      { lastResort: utf8('last') },
    );
    await friend.keys.lookUp([client.userId], { packages: true });
    await friend.mailbox.send(client.userId, async () => utf8('ciphertext'));
  };

  test('of a device that was removed is what SECURITY.md lists, and nothing else', async () => {
    const owner = await connect();
    await owner.keys.publish(utf8('identity of the first'));
    const was = await dump();
    const store = memoryDeviceStore();
    const identityKey = utf8('identity of the second');
    const request = { edge: PUBLIC_URL, userId: owner.userId, identityKey, store };
    await owner.keys.addDevice(await askToJoin({ ...request, clock: { ...systemClock, now: stores.now } }));
    const second = await connect({ store });
    await use(second);
    await owner.keys.removeDevice(second.deviceId);
    second.close();
    assert.equal(left(was, await dump()), listed('device'));
  });

  test('of a channel that was deleted is what SECURITY.md lists, and nothing else', async () => {
    const guest = await connect();
    const was = await dump();
    const channelId = await friend.createChannel();
    const moderation = friend.moderation(channelId);
    await moderation.ban({ userIds: [randomId()], until: '2099-12-31' });
    const [first, second] = [
      await moderation.invite({ uses: 2, lifeMs: 60_000 }),
      await moderation.invite({ uses: 1, lifeMs: 60_000 }),
    ];
    assert.ok(second !== undefined);
    await guest.join(channelId, first.invitation);
    await guest.acceptKey(channelId, await friend.shareKey(channelId, guest.card.agreementKey));
    const [ours, theirs] = [friend.channel(channelId), guest.channel(channelId)];
    await Promise.all([ours.subscribe(), theirs.subscribe()]);
    await theirs.publish('ciphertext to all');
    const before = left(was, await dump());
    for (const place of [
      'PostgreSQL channels',
      'PostgreSQL members',
      'relay Redis log',
      'state Redis member',
    ])
      assert.ok(before.includes(place), `${place} was there`);
    const ended = new Promise<void>((resolve) => {
      theirs.on('state', (state) => void (state === 'revoked' && resolve()));
    });
    await moderation.delete();
    await until(ended, { what: 'the end of the subscription' });
    assert.equal(left(was, await dump()), listed('channel'));
    await rejectsWith(friend.createChannel(channelId), 'conflict');
    await rejectsWith(guest.channel(channelId).subscribe(), 'not_a_member');
  });

  test('of an account that was deleted is what SECURITY.md lists, and nothing else', async () => {
    const channelId = await friend.createChannel();
    await friend.channel(channelId).subscribe();
    const was = await dump();
    const owner = await connect();
    await owner.keys.publish(utf8('identity'), { showRecoveryKey: async () => undefined });
    await use(owner);
    await friend.addMember(channelId, owner.userId);
    await owner.account.block(randomId(), 'bm90ZQ');
    assert.is((await owner.account.blocks()).length, 1);
    await owner.channelList.add(channelId);
    const channel = owner.channel(channelId);
    await channel.subscribe();
    await owner.acceptKey(channelId, await friend.shareKey(channelId, owner.card.agreementKey));
    await channel.publish('ciphertext to everybody else');
    const { secret } = await owner.account.totp.enrol();
    await owner.account.totp.confirm(codeAt(secret, stores.now()));
    stores.advance(60_000);
    await owner.account.totp.stepUp({ totp: codeAt(secret, stores.now()) });
    await owner.account.delete();
    const is = await dump();
    assert.equal(left(was, is), listed('account'));
  });
}, 30_000);

/** `hw1:<kind>:…`; what a library names by itself counts as its first part. */
function kindOf(key: string): string {
  const [first = '', kind = ''] = key.split(':');
  return first === 'hw1' ? kind : first;
}

/** The places that the table of SECURITY.md marks for this. */
function listed(column: Column): string[] {
  const text = readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8');
  const [, table = ''] = text.split('<!-- remains -->');
  const rows = (table.trim().split('\n\n')[0] ?? '').split('\n').slice(2);
  const at = 1 + COLUMNS.indexOf(column);
  return rows
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter((cells) => cells[at] !== '–')
    .map(([place = '']) => place.replaceAll('`', ''))
    .sort();
}
