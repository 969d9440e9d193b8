import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import * as assert from 'uvu/assert';
import { findDeno } from '../../deploy/local/servers/edge.ts';
import { randomId } from '../../shared/bytes.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { createSigner, type JWK } from '../../shared/token.ts';
import { createOriginApi } from '../adapters/origin-api.ts';
import { Client, type SignedIn } from './client.ts';
import { edgeContract } from './contract.ts';
import { originContract } from './origin-contract.ts';
import { openRaw, upgradeRequest } from './raw-client.ts';
import { type EdgeStack, startEdgeStack } from './stack.ts';

const TIMEOUT_MS = 30_000;

edgeContract(
  'on Deno',
  async () => {
    const { edge, stop } = await startEdgeStack();
    return { url: edge.url, stop };
  },
  { listener: 'ours' },
);

describe(
  'OriginApi over a real node and Postgres',
  (suite) => {
    let stack: EdgeStack;
    let origin: ReturnType<typeof createOriginApi>;
    suite.before(async () => {
      stack = await startEdgeStack();
      const { keys } = JSON.parse(stack.keys.signingKeys) as { keys: JWK[] };
      const signer = await createSigner(stack.edge.url, keys);
      const urls = stack.nodes.map(({ internalUrl }) => internalUrl);
      origin = createOriginApi({ urls, signer, clock: { now: Date.now }, random: { id: () => randomId() } });
    });
    suite.after(() => stack?.stop());
    originContract(suite, () => origin);
  },
  TIMEOUT_MS,
);

describe(
  'Edge on Deno, when its parts fail',
  ({ test, beforeEach, afterEach }) => {
    let stack: EdgeStack;
    let client: Client;
    let alice: SignedIn;
    let channelId: string;
    beforeEach(async () => {
      stack = await startEdgeStack();
      client = new Client({ baseUrl: stack.edge.url, send: (request) => fetch(request) });
      alice = await client.join();
      channelId = await client.createChannel(alice);
      await connect();
    });
    afterEach(() => stack.stop());

    test('goes on when the state Redis has lost everything', async () => {
      const redis = new Redis(stack.stateRedisUrl);
      assert.ok((await redis.dbsize()) > 0);
      await redis.flushall();
      assert.is((await connect()).json.channels.length, 1);
      await redis.flushall();
      assert.is((await client.renew(alice)).status, 200);
      assert.is((await client.signIn(alice)).userId, alice.userId);
      redis.disconnect();
    });

    test('says unavailable while the state Redis does not answer, and lives', async () => {
      await stack.stopState();
      assert.is((await connect()).json.code, 'unavailable');
      const assertion = await client.assertion(alice.device, { sub: alice.userId });
      const { status, json } = await client.call('/v1/sessions', { body: { assertion } });
      assert.is(status, 503);
      assert.is(json.code, 'unavailable');
      assert.equal((await client.call('/readyz')).json, { status: 'ok' });
      assert.is((await client.call('/healthz')).json.status, 'degraded');
    });

    test('goes on with another origin when one dies, for calls and sockets', async () => {
      await stack.nodes[0]?.kill();
      const another = await client.createChannel(alice);
      const { status, json } = await connect([another]);
      assert.is(status, 200);
      assert.is(json.channels.length, 1);
      for (let i = 0; i < 4; i += 1) {
        const socket = await openRaw(stack.edge.port, upgradeRequest());
        assert.is((await socket.answer()).status, 101);
        socket.socket.destroy();
      }
    });

    test('says unavailable when every origin is dead', async () => {
      for (const node of stack.nodes) await node.kill();
      const { json } = await client.call('/v1/channels', {
        token: alice.token,
        body: { channelId: randomId() },
      });
      assert.is(json.code, 'unavailable');
      const socket = await openRaw(stack.edge.port, upgradeRequest());
      assert.is((await socket.answer()).json.code, 'unavailable');
      socket.socket.destroy();
    });

    test('logs lines without an id, a tag, a token or an address', async () => {
      for (const node of stack.nodes) await node.kill();
      await client.call('/v1/channels', { token: alice.token, body: { channelId } });
      await client.call(`/v1/channels/${channelId}/members`, {
        token: alice.token,
        body: { userId: alice.userId },
      });
      await stack.stopState();
      const { headers } = await connect();
      const { lines } = stack.edge;
      const isTold = () => lines.some((line) => line.includes('request.failed') && line.includes('"warn"'));
      await until(isTold, { what: 'a log line' });
      const log = lines.join('\n');
      assert.match(log, headers.get('x-request-id') as string);
      const secrets = [
        alice.userId,
        alice.device.deviceId,
        alice.sessionId,
        channelId,
        alice.token.slice(-40),
      ];
      for (const secret of [...secrets, '127.0.0.1', 'hw1:', 'Bearer', 'internal/v1'])
        assert.not.match(log, secret);
      for (const line of lines) assert.ok(line.startsWith('{'), line);
    });

    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      test(`ends with 0 on ${signal}, and ends its sockets`, async () => {
        const socket = await openRaw(stack.edge.port, upgradeRequest());
        assert.is((await socket.answer()).status, 101);
        process.kill(stack.edge.pid, signal);
        await socket.ended;
        const { code } = await stack.edge.ended;
        assert.is(code, 0);
        socket.socket.destroy();
      });

    function connect(channels = [channelId]) {
      return client.call('/v1/connect', { token: alice.token, body: { channels } });
    }
  },
  TIMEOUT_MS,
);

describe('Configuration of the edge on Deno', ({ test }) => {
  test('tells every fault at once and ends with 1', async () => {
    const { code, output } = await run({ HUSHWIRE_EDGE_PORT: 'x', HUSHWIRE_EDGE_TAG_KEY: 'not-a-key' });
    assert.is(code, 1);
    for (const name of [
      'PORT',
      'PUBLIC_URL',
      'SIGNING_KEYS',
      'TAG_KEY',
      'SEAL_KEYS',
      'STATE_URL',
      'ORIGIN_API',
    ])
      assert.match(output, `HUSHWIRE_EDGE_${name}`);
    assert.not.match(output, 'not-a-key');
    assert.not.match(output, ' at ');
  });
});

async function run(env: Readonly<Record<string, string>>): Promise<{ code: number | null; output: string }> {
  const flags = ['--no-prompt', '--no-remote', '--cached-only', '--no-lock', '--node-modules-dir=manual'];
  const child = spawn(await findDeno(), ['run', ...flags, '--allow-env=HUSHWIRE_EDGE_*', 'edge/deno.ts'], {
    env: { NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1', ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += String(chunk);
    });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}
