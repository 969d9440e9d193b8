import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import * as assert from 'uvu/assert';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import type { Channel } from '../../shared/client/channel.ts';
import { type Client, connectAccount } from '../../shared/client/hushwire.ts';
import type { ClientOptions } from '../../shared/client/options.ts';
import { rejectsWith, until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { identityOf } from '../local/servers/identity.ts';
import { startPostgres } from '../local/servers/postgres.ts';
import type { Running } from '../local/servers/process.ts';
import { startRedis } from '../local/servers/redis.ts';
import { type Stack, startStack } from '../local/stack.ts';
import { Participant } from '../local/try/participant.ts';
import { Report } from '../local/try/report.ts';
import { runScenario } from '../local/try/scenario.ts';
import { type Haystack, needlesOf, search } from '../local/try/search.ts';
import { postgresContents, redisContents } from '../local/try/stores.ts';
import { searchEverywhere } from '../local/try/verdict.ts';

/** Starting a stack on a busy machine. */
const STACK_TIMEOUT_MS = 60_000;
const SECRET = Buffer.from('a secret of some length: äöü \u0000?>~');

async function findings(contents: AsyncIterable<Haystack> | Iterable<Haystack>): Promise<string[]> {
  const result = await search(contents, needlesOf('secret', SECRET));
  return result.findings.map(({ where }) => where);
}

describe('search of Redis', ({ test, before, after, afterEach }) => {
  let server: Running;
  let redis: Redis;
  before(async () => {
    server = await startRedis();
    redis = new Redis(server.url, { protocol: 2 });
  });
  afterEach(() => redis.flushall());
  after(async () => {
    redis.disconnect();
    await server.stop();
  });

  test('reads keys, and values of every type', async () => {
    const plants: [string, () => Promise<unknown>][] = [
      ['string', () => redis.set('string', SECRET)],
      ['hash', () => redis.hset('hash', 'field', SECRET)],
      ['list', () => redis.rpush('list', 'x', SECRET)],
      ['set', () => redis.sadd('set', SECRET)],
      ['zset', () => redis.zadd('zset', 1, SECRET)],
      ['stream', () => redis.xadd('stream', '1-1', 'field', SECRET)],
    ];
    for (const [where, plant] of plants) {
      await plant();
      assert.equal(await findings(redisContents(server.url)), [`Redis ${where}`]);
      await redis.flushall();
    }
    await redis.set(SECRET, 'x');
    assert.is((await findings(redisContents(server.url))).length, 1);
  });

  test('reads the channels somebody listens to', async () => {
    await redis.subscribe(SECRET.toString('hex'));
    assert.equal(await findings(redisContents(server.url)), ['Redis pubsub channels']);
    await redis.unsubscribe();
  });

  test('throws when it cannot read', async () => {
    const failed = await findings(redisContents('redis://127.0.0.1:1')).catch((error: unknown) => error);
    assert.instance(failed, Error);
  });
}, 15_000);

describe(
  'search of Postgres',
  ({ test, before, after }) => {
    let server: Running;
    before(async () => {
      server = await startPostgres();
    });
    after(() => server.stop());

    test('reads text and binary columns of tables in any schema', async () => {
      const sql = postgres(server.url, { max: 1, onnotice: () => undefined });
      try {
        await sql`create schema elsewhere`;
        await sql`create table elsewhere.plain (n int, t text)`;
        await sql`create table elsewhere.bytes (b bytea)`;
        await sql`insert into elsewhere.plain values (1, ${SECRET.toString('base64url')})`;
        await sql`insert into elsewhere.bytes values (${SECRET})`;
      } finally {
        await sql.end();
      }
      const found = (await findings(postgresContents(server.url))).sort();
      assert.equal(found, ['Postgres elsewhere.bytes', 'Postgres elsewhere.plain']);
    });
  },
  STACK_TIMEOUT_MS,
);

describe(
  'trying out a stack',
  ({ test, before, after, afterEach }) => {
    let stack: Stack;
    const clients: Client[] = [];
    const commands: ChildProcess[] = [];
    before(async () => {
      stack = await startStack();
    });
    afterEach(() => {
      for (const client of clients.splice(0)) client.close();
      for (const command of commands.splice(0)) command.kill('SIGKILL');
    });
    after(() => stack?.stop());

    async function connect(options: Partial<ClientOptions> = {}): Promise<Client> {
      const backoff = { baseMs: 20, capMs: 200 };
      const client = await connectAccount({
        edge: stack.edgeUrl,
        openSocket: openNodeSocket,
        backoff,
        ...options,
      });
      clients.push(client);
      return client;
    }

    /** Two clients on two nodes in one channel. */
    async function pair(): Promise<{ a: Client; b: Client; inA: Channel; inB: Channel; channelId: string }> {
      const [a, b] = [await connect({ node: 'node-1' }), await connect({ node: 'node-2' })];
      const channelId = await a.createChannel();
      await a.addMember(channelId, b.userId);
      await b.acceptKey(channelId, await a.shareKey(channelId, b.card.agreementKey));
      const [inA, inB] = [a.channel(channelId), b.channel(channelId)];
      await Promise.all([inA.subscribe(), inB.subscribe()]);
      return { a, b, inA, inB, channelId };
    }

    /** `npm run try` with these arguments, in a process of its own. */
    function command(...args: string[]): {
      child: ChildProcess;
      output: () => string;
      ended: Promise<number | null>;
    } {
      const main = `import('${CHECKOUT}/deploy/local/try.ts').then(({ main }) => main(process.argv.slice(1)))
      .then((code) => { process.exitCode = code; })`;
      const child = spawn(process.execPath, ['--import', 'tsx', '-e', main, '--', ...args], {
        cwd: CHECKOUT,
      });
      commands.push(child);
      let text = '';
      for (const output of [child.stdout, child.stderr])
        output.on('data', (part) => {
          text += String(part);
        });
      return {
        child,
        output: () => text,
        ended: once(child, 'close').then(([code]) => code as number | null),
      };
    }

    test('holds from end to end, the stores included', async () => {
      const lines: string[] = [];
      const report = new Report((line) => lines.push(line));
      const [alice, bob] = [new Participant('Alice'), new Participant('Bob')];
      try {
        const outcome = await runScenario({ edge: stack.edgeUrl, messages: 20, alice, bob, report });
        await searchEverywhere(outcome, stack, report);
      } finally {
        await Promise.all([alice.stop(), bob.stop()]);
      }
      assert.is(report.failed, 0, lines.join('\n'));
      assert.ok(lines.some((line) => line.includes('Postgres: no text')));
    });

    test('catches a planted leak in Redis', async () => {
      const lines: string[] = [];
      const report = new Report((line) => lines.push(line));
      const [alice, bob] = [new Participant('Alice'), new Participant('Bob')];
      const redis = new Redis(stack.redisUrl, { protocol: 2 });
      try {
        const outcome = await runScenario({ edge: stack.edgeUrl, messages: 1, alice, bob, report });
        await redis.set('planted', Buffer.from(`x ${outcome.marker} y`).toString('base64'));
        await searchEverywhere(outcome, { redisUrl: stack.redisUrl }, report);
      } finally {
        await redis.del('planted');
        redis.disconnect();
        await Promise.all([alice.stop(), bob.stop()]);
      }
      assert.is(report.failed, 1, lines.join('\n'));
      assert.ok(lines.some((line) => line.includes('a text as base64') && line.includes('in Redis planted')));
    });

    test('is one command that ends with 0 and says what it did not search', async () => {
      const { ended, output } = command('--edge', stack.edgeUrl, '--messages', '5');
      assert.is(await ended, 0, output());
      assert.match(output(), /Redis was not searched/);
      assert.match(output(), /Everything held/);
    });

    test('says in a sentence that no stack is running', async () => {
      const dir = await mkdtemp(join(tmpdir(), 'hushwire-try-'));
      const { ended, output } = command('--dir', dir);
      assert.is(await ended, 1);
      assert.match(output(), /npm start/);
      await rm(dir, { recursive: true });
    });

    test('fails for an edge that is not there, and refuses arguments that make no sense', async () => {
      assert.is(await command('--edge', 'http://127.0.0.1:1').ended, 1);
      assert.is(await command('--messages', '0').ended, 2);
      assert.is(await command('--nonsense').ended, 2);
      assert.is(await command('--help').ended, 0);
    });

    test('takes its clients with it, interrupted or killed', async () => {
      for (const [signal, code] of [
        ['SIGINT', 130],
        ['SIGKILL', null],
      ] as const) {
        const { child, output, ended } = command('--edge', stack.edgeUrl, '--messages', '10000');
        await until(() => /messages from Alice/.test(output()), {
          what: 'the measurement',
          timeoutMs: 15_000,
        });
        const pids = [...output().matchAll(/process (\d+)/g)].map(([, pid]) => Number(pid));
        assert.is(pids.length, 2);
        child.kill(signal);
        assert.is(await ended, code);
        await until(() => pids.every((pid) => identityOf(pid) === undefined), { what: 'the clients to end' });
      }
    });

    test('brings a client back on the other node when its own dies, with nothing lost or repeated', async () => {
      const { b, inA, inB } = await pair();
      const heard: string[] = [];
      inB.on('message', (message) => heard.push(message.text()));
      await inA.publish('before');
      await stack.nodes.find(({ node }) => node === 'node-2')?.kill();
      for (const text of ['one', 'two', 'three']) await inA.publish(text);
      await until(() => heard.length >= 4, { what: 'the missed messages', timeoutMs: 15_000 });
      await inB.publish('back');
      assert.equal(heard.slice(0, 4), ['before', 'one', 'two', 'three']);
      assert.ok(b.state.state === 'online' && b.state.node === 'node-1');
    });

    test('refuses an outsider, and lets the owner alone add members', async () => {
      const [a, outsider] = [await connect(), await connect()];
      const channelId = await a.createChannel();
      await rejectsWith(outsider.channel(channelId).subscribe(), 'not_a_member');
      await rejectsWith(outsider.addMember(channelId, outsider.userId), 'forbidden');
      await rejectsWith(outsider.createChannel(channelId), 'conflict');
    });
  },
  STACK_TIMEOUT_MS,
);
