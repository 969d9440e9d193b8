import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import { startRedis } from '../local/servers/redis.ts';
import { startUpstash } from '../local/servers/upstash.ts';
import { rejects } from './rejects.ts';
import { TOKEN, useServers } from './upstash-servers.ts';

const TIMEOUT_MS = 20_000;

describe(
  'upstash endpoint, plain requests',
  ({ test, before, after }) => {
    const servers = useServers(before, after);
    const ask = async (path: string, init: RequestInit = {}) => {
      const headers = {
        authorization: `Bearer ${TOKEN}`,
        ...(init.headers as Record<string, string> | undefined),
      };
      const response = await fetch(servers().rest.url + path, { ...init, headers });
      return {
        status: response.status,
        body: (await response.json()) as { result?: unknown; error?: string },
      };
    };
    const post = (path: string, value: unknown, headers: Record<string, string> = {}) =>
      ask(path, { method: 'POST', body: typeof value === 'string' ? value : JSON.stringify(value), headers });

    test('every route refuses a missing, wrong or misplaced token before it reads anything', async () => {
      const wrong = [
        '',
        'Bearer',
        'Bearer ',
        `Bearer ${TOKEN} `.trimEnd().slice(0, -1),
        `Basic ${TOKEN}`,
        `Bearer ${TOKEN}${TOKEN}`,
      ];
      for (const authorization of wrong)
        for (const [method, path] of [
          ['POST', '/'],
          ['POST', '/pipeline'],
          ['POST', '/multi-exec'],
          ['GET', '/get/a'],
          ['DELETE', '/x'],
          ['POST', `/?_token=${TOKEN}`],
        ]) {
          const init = {
            method: method ?? '',
            headers: { authorization },
            ...(method === 'POST' ? { body: 'no JSON' } : {}),
          };
          const { status, body } = await ask(path ?? '', init);
          assert.is(status, 401, `${method} ${path} with "${authorization}"`);
          assert.match(body.error ?? '', /^WRONGPASS/);
        }
    });

    test('the path form takes segments, a body and options', async () => {
      const key = randomId();
      assert.equal((await ask(`/set/${key}/a%2Fb%20c?EX=100`)).body, { result: 'OK' });
      assert.equal((await ask(`/get/${key}`)).body, { result: 'a/b c' });
      assert.ok(Number((await ask(`/ttl/${key}`)).body.result) > 90);
      assert.equal((await post(`/set/${key}`, 'from the body')).body, { result: 'OK' });
      assert.equal((await ask(`/get/${key}`)).body, { result: 'from the body' });
      assert.is((await ask('/get/%zz')).status, 400);
    });

    test('base64 encodes texts but not numbers, nulls or a bare OK', async () => {
      const key = randomId();
      const base64 = { 'upstash-encoding': 'base64' };
      assert.equal((await post('/', ['SET', key, 'text'], base64)).body, { result: 'OK' });
      assert.equal((await post('/', ['GET', key], base64)).body, { result: 'dGV4dA==' });
      assert.equal((await post('/', ['STRLEN', key], base64)).body, { result: 4 });
      assert.equal((await post('/', ['GET', 'absent'], base64)).body, { result: null });
      assert.equal((await post('/', ['EVAL', "return {'OK', 1}", '0'], base64)).body, {
        result: ['T0s=', 1],
      });
    });

    test('what is no command is refused with 400 and an error', async () => {
      for (const value of [
        'no JSON',
        '{}',
        '[]',
        '[""]',
        '[["GET","a"]]',
        '["GET", null]',
        '"GET"',
        'null',
        '["NOPE"]',
        '["GET"]',
      ])
        assert.is((await post('/', value)).status, 400, value);
      for (const value of ['no JSON', '{}', '[]', '["GET","a"]', '[[]]'])
        for (const path of ['/pipeline', '/multi-exec'])
          assert.is((await post(path, value)).status, 400, `${path} ${value}`);
      assert.is((await ask('/get/a', { method: 'DELETE' })).status, 405);
    });

    test('a transaction with an unknown command is discarded whole', async () => {
      const key = randomId();
      const { status, body } = await post('/multi-exec', [['SET', key, 'a'], ['NOPE']]);
      assert.is(status, 400);
      assert.match(body.error ?? '', /EXECABORT/);
      assert.is(await servers().direct.get(key), null);
    });

    test('commands that would block or bend the shared connection are refused by name', async () => {
      for (const command of [
        ['subscribe', 'a'],
        ['BLPOP', 'a', '0'],
        ['multi'],
        ['Select', '1'],
        ['CLIENT', 'KILL', 'TYPE', 'normal'],
        ['SHUTDOWN'],
        ['CONFIG', 'GET', '*'],
        ['XREAD', 'block', '0', 'STREAMS', 's', '0'],
      ]) {
        for (const path of ['/', '/pipeline', '/multi-exec']) {
          const { status, body } = await post(path, path === '/' ? command : [command]);
          assert.is(status, 400, `${path} ${command}`);
          assert.match(body.error ?? '', /not available/);
        }
      }
    });

    test('a body over 1 MiB is refused with 413, and one below is taken', async () => {
      const key = randomId();
      const room = 1024 * 1024 - JSON.stringify(['SET', key, '']).length;
      assert.is((await post('/', ['SET', key, 'x'.repeat(room)])).status, 200);
      assert.is((await post('/', ['SET', key, 'x'.repeat(room + 1)])).status, 413);
    });

    test('it listens on loopback only, with bytes that are no text kept whole', async () => {
      const { rest, direct } = servers();
      assert.is(new URL(rest.url).hostname, '127.0.0.1');
      const key = randomId();
      await direct.set(key, Buffer.from([0xff, 0x00, 0x80]));
      assert.equal((await post('/', ['GET', key], { 'upstash-encoding': 'base64' })).body, {
        result: '/wCA',
      });
    });
  },
  TIMEOUT_MS,
);

describe(
  'upstash endpoint without its Redis',
  ({ test }) => {
    test('a dead Redis answers 503 and never a result', async () => {
      const redis = await startRedis();
      const rest = await startUpstash({ redisUrl: redis.url });
      try {
        await redis.stop();
        for (const [path, body] of [
          ['/', ['GET', 'a']],
          ['/pipeline', [['SET', 'a', 'b']]],
          ['/multi-exec', [['SET', 'a', 'b']]],
        ] as const) {
          const headers = { authorization: `Bearer ${rest.token}` };
          const response = await fetch(rest.url + path, {
            method: 'POST',
            headers,
            body: JSON.stringify(body),
          });
          assert.is(response.status, 503, path);
        }
      } finally {
        await rest.stop();
      }
    });

    test('it does not start when nothing answers at the Redis address', async () => {
      await rejects(startUpstash({ redisUrl: 'redis://127.0.0.1:1' }), /./);
    });
  },
  TIMEOUT_MS,
);
