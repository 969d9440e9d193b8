/** The local REST endpoint, judged by the very client the edge uses. */
import { Redis } from '@upstash/redis/cloudflare';
import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import { rejects } from './rejects.ts';
import { TOKEN, useServers } from './upstash-servers.ts';

const TIMEOUT_MS = 20_000;
/** Texts that decode as base64, look like numbers, or are no ASCII: each must come back as it went. */
const TRICKY = [
  'aGVsbG8=',
  'v1',
  'OK',
  '1234',
  '9007199254740993',
  '0x10',
  'true',
  'null',
  '{"a":1}',
  '',
  'žluťoučký 🐎',
  '\u0000\u0001',
  ' a\r\nb ',
];

for (const responseEncoding of ['base64', false] as const)
  describe(
    `upstash endpoint, responses in ${responseEncoding || 'plain text'}`,
    ({ test, before, after }) => {
      const servers = useServers(before, after);
      const open = (options: { automaticDeserialization?: boolean } = {}) => {
        const { rest } = servers();
        const common = { url: rest.url, token: rest.token, enableTelemetry: false, retry: false as const };
        return new Redis({ ...common, responseEncoding, automaticDeserialization: false, ...options });
      };

      test('a text comes back as it went, by GET, MGET, HGET and in a script', async () => {
        const redis = open();
        for (const text of TRICKY) {
          const key = randomId();
          assert.is(await redis.set(key, text), 'OK');
          assert.is(await redis.get(key), text);
          assert.equal(await redis.mget(key, 'absent'), [text, null]);
          await redis.hset(key.repeat(2), { field: text });
          assert.is(await redis.hget(key.repeat(2), 'field'), text);
          assert.equal(await redis.eval('return {ARGV[1], KEYS[1]}', [key], [text]), [text, key]);
        }
      });

      test('a digit string stays a string unless the caller asks for values', async () => {
        const key = randomId();
        await open().set(key, '9007199254740993');
        assert.is(await open().get(key), '9007199254740993');
        await open().set(key, '12');
        assert.is(await open({ automaticDeserialization: true }).get(key), 12);
      });

      test('SET NX EX succeeds once, and its life is kept', async () => {
        const redis = open();
        const key = randomId();
        assert.is(await redis.set(key, 'first', { nx: true, ex: 60 }), 'OK');
        assert.is(await redis.set(key, 'second', { nx: true, ex: 60 }), null);
        assert.is(await redis.get(key), 'first');
        const ttl = await redis.ttl(key);
        assert.ok(ttl > 50 && ttl <= 60);
      });

      test('GETDEL gives a value exactly once among parallel callers', async () => {
        const redis = open();
        const key = randomId();
        await redis.set(key, 'once');
        const got = await Promise.all(Array.from({ length: 20 }, () => redis.getdel(key)));
        assert.is(got.filter((value) => value === 'once').length, 1);
        assert.is(got.filter((value) => value === null).length, 19);
      });

      test('hash, set, sorted set and counter commands answer their types', async () => {
        const redis = open();
        const key = randomId();
        assert.is(await redis.hset(`${key}h`, { a: 'v1', b: '2' }), 2);
        const parsing = open({ automaticDeserialization: true });
        assert.equal(await parsing.hmget(`${key}h`, 'a', 'b', 'c'), { a: 'v1', b: 2, c: null });
        assert.equal(await parsing.hgetall(`${key}h`), { a: 'v1', b: 2 });
        // Without its own parsing the client leaves hashes as Redis sends them.
        assert.equal(await redis.hmget(`${key}h`, 'a', 'b', 'c'), ['v1', '2', null]);
        assert.equal(await redis.hgetall(`${key}h`), ['a', 'v1', 'b', '2']);
        assert.equal((await redis.hkeys(`${key}h`)).sort(), ['a', 'b']);
        assert.is(await redis.hdel(`${key}h`, 'a'), 1);
        assert.is(await parsing.hgetall(`${key}x`), null);
        assert.is(await redis.sadd(`${key}s`, 'x', 'y'), 2);
        assert.equal(await redis.smismember(`${key}s`, ['x', 'z']), [1, 0]);
        assert.is(await redis.zadd(`${key}z`, { score: 1.5, member: 'm' }), 1);
        assert.equal((await redis.zrange(`${key}z`, 0, -1, { withScores: true })).map(String), ['m', '1.5']);
        assert.is(await redis.incr(`${key}n`), 1);
        assert.is(await redis.type(`${key}h`), 'hash');
        assert.is(await redis.del(`${key}h`, `${key}s`), 2);
        assert.is(await redis.exists(`${key}h`), 0);
      });

      test('a pipeline answers in order, and a failing command does not stop the others', async () => {
        const redis = open();
        const key = randomId();
        const rows = await redis
          .pipeline()
          .set(key, 'OK')
          .get(key)
          .hget(key, 'f')
          .get('absent')
          .exec({ keepErrors: true });
        assert.equal(
          rows.map(({ result }) => result ?? null),
          ['OK', 'OK', null, null],
        );
        assert.match(rows[2]?.error ?? '', /^WRONGTYPE/);
        assert.is(rows[3]?.error, undefined);
      });

      test('a transaction answers in order, and a command in it that fails is told', async () => {
        const redis = open();
        const key = randomId();
        assert.equal(await redis.multi().set(key, 'a').incr(`${key}n`).get(key).exec(), ['OK', 1, 'a']);
        await rejects(redis.multi().set(key, 'b').set(key, 'c', { ex: 0.5 }).exec(), /not an integer/);
      });

      test('EVALSHA falls back through NOSCRIPT to EVAL, and lists keep their nulls away', async () => {
        const redis = open();
        const script = redis.createScript<string[]>(`return {ARGV[1], '7', "${randomId()}"}`);
        const [first, seven] = await script.exec([], ['aGVsbG8=']);
        assert.equal([first, seven], ['aGVsbG8=', '7']);
        assert.is((await script.exec([], ['b']))[0], 'b');
        await rejects(redis.evalsha('0'.repeat(40), [], []), /NOSCRIPT/);
        assert.is(await redis.eval('return redis.call("SET", KEYS[1], "x")', [randomId()], []), 'OK');
        await rejects(redis.eval('return redis.error_reply("ERR mine")', [], []), /ERR mine/);
      });

      test('a wrong token is refused by the client on every way in', async () => {
        const { rest } = servers();
        const redis = new Redis({ url: rest.url, token: `${TOKEN}x`, retry: false, responseEncoding });
        await rejects(redis.get('a'), /WRONGPASS/);
        await rejects(redis.pipeline().get('a').exec(), /WRONGPASS/);
        await rejects(redis.multi().get('a').exec(), /WRONGPASS/);
      });
    },
    TIMEOUT_MS,
  );
