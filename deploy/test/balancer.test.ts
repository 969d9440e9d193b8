import { createServer, type Socket } from 'node:net';
import * as assert from 'uvu/assert';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { type Client, connectAccount } from '../../shared/client/hushwire.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { WireClient } from '../../shared/testing/wire-client.ts';
import * as timings from '../aws/timings.ts';
import { startHaproxy } from '../local/servers/haproxy.ts';
import {
  type Balanced,
  CONFIGURATION,
  configurationFor,
  type Front,
  pickFront,
  startBalanced,
} from './balanced-stack.ts';

/** The shortest time after which a node closes a silent socket, instead of 60 s; all the balancer's times shrink alike. */
const SOCKET_IDLE = 8;
const SCALE = SOCKET_IDLE / timings.SOCKET_IDLE;
const BALANCER_IDLE_MS = timings.BALANCER_IDLE * SCALE * 1_000;
/** Shrunk so far that it cuts what is silent before a node pings it: every 4 to 8 s. */
const TOO_SHORT = 1 / 36;

describe('the configuration of HAProxy', ({ test }) => {
  test('has the times of every other balancer', () => {
    const of = (name: string) =>
      Number(new RegExp(`^ +timeout ${name} +(\\d+)s$`, 'm').exec(CONFIGURATION)?.[1]);
    for (const name of ['client', 'server', 'tunnel', 'http-keep-alive'])
      assert.is(of(name), timings.BALANCER_IDLE, name);
    assert.is(of('check'), timings.HEALTH.timeout);
    const { interval, unhealthy, healthy } = timings.HEALTH;
    assert.match(CONFIGURATION, ` inter ${interval}s fall ${unhealthy} rise ${healthy} `);
  });

  test('logs nothing, and believes no address that a caller claims', () => {
    assert.not.match(CONFIGURATION, /^\s*(?:log|option (?:httplog|tcplog|forwardfor)|capture)\b/m);
    assert.match(CONFIGURATION, 'http-request set-header x-forwarded-for %[src]');
  });
});

describe('a stack behind HAProxy', ({ test, before, after }) => {
  const clients: Client[] = [];
  const heard: string[][] = [];
  let stack: Balanced;
  let channelId: string;
  let token: string;
  let sent = 0;
  let gaps = 0;

  before(async () => {
    const originEnv = {
      HUSHWIRE_ORIGIN_SOCKET_IDLE_SECONDS: String(SOCKET_IDLE),
      HUSHWIRE_ORIGIN_DRAIN_WINDOW_MS: '1000',
    };
    stack = await startBalanced(SCALE, originEnv);
    await up('origin-1', 'origin-2');
    for (let i = 0; i < 4; i += 1) clients.push(await enter());
    const [first] = clients as [Client];
    channelId = await first.createChannel();
    for (const client of clients) {
      if (client !== first) {
        await first.addMember(channelId, client.userId);
        await client.acceptKey(channelId, await first.shareKey(channelId, client.card.agreementKey));
      }
      const texts: string[] = [];
      heard.push(texts);
      const channel = client.channel(channelId);
      channel.on('message', (message) => void texts.push(message.text()));
      channel.on('gap', () => {
        gaps += 1;
      });
      await channel.subscribe();
    }
  });
  after(async () => {
    for (const client of clients) client.close();
    await stack?.stop();
  });

  test('sockets come through it to both nodes, and messages from each to all', async () => {
    assert.equal(new Set(clients.map(nodeOf)), new Set(['node-1', 'node-2']));
    for (const client of clients) await say(client);
    await allHeard();
  });

  test('a silent socket outlives its idle time by the pings of the node', async () => {
    const client = await openWire(stack.front.sockets);
    await client.nextOf('welcome');
    let pings = 0;
    client.socket.on('ping', () => {
      pings += 1;
    });
    const startMs = performance.now();
    await until(() => pings >= 2 && performance.now() - startMs > BALANCER_IDLE_MS * 1.1, {
      what: 'pings for longer than the balancer keeps what is silent',
      timeoutMs: 3 * BALANCER_IDLE_MS,
    });
    assert.is((await client.command({ type: 'ping' })).type, 'pong');
    client.socket.close();
  });

  test('where its idle time is shorter than what nodes ping in, it cuts a silent socket', async () => {
    const front = await pickFront();
    const haproxy = await start(front);
    try {
      const client = await until(() => tryWire(front), { what: 'a way in', timeoutMs: 5_000 });
      if (client === undefined) throw new Error('No way in');
      const startMs = performance.now();
      const { code } = await until(client.closed, { what: 'the cut', timeoutMs: 10_000 });
      assert.is(code, 1006);
      assert.ok(performance.now() - startMs < 4_000, 'before any ping');
    } finally {
      await haproxy.stop();
    }
  });

  test('calls on connections that are kept meet no 502', async () => {
    const names = ['keep-alive', 'connection'] as const;
    for (const url of [`${stack.edge.url}/livez`, `${stack.nodes[0]?.internalUrl}/internal/v1/nodes`]) {
      const { headers } = await fetch(url);
      const [keeps, connection] = names.map((name) => headers.get(name));
      assert.is(connection, 'keep-alive', url);
      const seconds = Number(/timeout=(\d+)/.exec(keeps ?? '')?.[1]);
      assert.ok(seconds > timings.BALANCER_IDLE, `${url} keeps an idle connection for ${seconds} s`);
    }
    const statuses = new Set<number>();
    const call = async () => {
      const headers = { authorization: `Bearer ${token}` };
      statuses.add((await fetch(`${stack.edgeUrl}/v1/sessions`, { headers })).status);
    };
    for (let round = 0; round < 25; round += 1) await Promise.all([call(), call(), call(), call()]);
    assert.equal(statuses, new Set([200]));
    assert.is(await failed(), 0);
  });

  test('a server that closed what it kept, just as a call comes, would cost that call', async () => {
    const closing = await startClosing();
    const front = await pickFront();
    const behind = { ...stack.behind, edge: closing.port };
    const haproxy = await startHaproxy({
      configuration: configurationFor(SCALE, { front, behind }),
      port: front.edge,
    });
    try {
      const url = `http://127.0.0.1:${front.edge}/`;
      // HAProxy answers 502, or cuts a caller that had calls answered before.
      const post = () =>
        fetch(url, { method: 'POST', body: 'x' }).then(
          ({ status }) => status,
          () => 'cut',
        );
      await until(async () => (await post()) === 200, { what: 'it to be up' });
      const outcomes = [await post(), await post(), await post(), await post()];
      assert.ok(outcomes.includes(502) || outcomes.includes('cut'), String(outcomes));
    } finally {
      await haproxy.stop();
      closing.stop();
    }
  });

  test('a node that drains gets nobody new, and its clients move while messages flow', async () => {
    const talk = startTalk();
    const [node] = stack.nodes;
    const isDown = until(async () => (await stateOf('origin-1')) !== 'UP', {
      what: 'the balancer to notice',
      timeoutMs: 10_000,
    });
    await node?.stopGently(30_000);
    await isDown;
    assert.is((await node?.ended)?.code, 0);
    await talk.end();
    await allHeard();
    assert.equal(new Set(clients.map(nodeOf)), new Set(['node-2']));
    assert.is(await failed(), 0);
    await stack.restart(0);
    await up('origin-1');
  });

  test('the sockets of a node that was killed come back at the other, and nothing is lost', async () => {
    const talk = startTalk();
    await stack.nodes[1]?.kill();
    await until(() => clients.every((client) => nodeOf(client) === 'node-1'), {
      what: 'everybody at node-1',
      timeoutMs: 15_000,
    });
    await talk.end();
    await allHeard();
    assert.is(gaps, 0);
  });

  async function enter(): Promise<Client> {
    const listening: typeof fetch = (input, init) => {
      const header = new Headers(init?.headers).get('authorization');
      token = header?.replace('Bearer ', '') ?? token;
      return fetch(input, init);
    };
    const client = await connectAccount({
      edge: stack.edgeUrl,
      openSocket: openNodeSocket,
      through: 'direct',
      fetch: listening,
    });
    return client;
  }

  /** Publishes the next text; resolves when it was accepted. */
  async function say(client: Client): Promise<void> {
    sent += 1;
    await client.channel(channelId).publish(String(sent));
  }

  /** One after another, so that their order is known, until it is ended. */
  function startTalk(): { end(): Promise<void> } {
    let isOver = false;
    const run = async () => {
      for (let i = 0; !isOver; i += 1) await say(clients[i % clients.length] as Client);
    };
    const done = run();
    return {
      end: () => {
        isOver = true;
        return done;
      },
    };
  }

  async function allHeard(): Promise<void> {
    const wanted = Array.from({ length: sent }, (_, i) => String(i + 1));
    await until(() => heard.every((texts) => texts.length >= sent), {
      what: 'every message',
      timeoutMs: 10_000,
    });
    for (const texts of heard) assert.equal(texts, wanted);
  }

  async function openWire(port: number): Promise<WireClient> {
    const answer = await fetch(`${stack.edgeUrl}/v1/connect`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ channels: [] }),
    });
    const { ticket } = (await answer.json()) as { ticket: string };
    const client = new WireClient(`ws://127.0.0.1:${port}/v1/socket`, { ticket });
    client.socket.on('error', () => undefined);
    return client;
  }

  /** A socket through a balancer that may not know its servers yet. */
  async function tryWire({ sockets }: Front): Promise<WireClient | undefined> {
    const client = await openWire(sockets);
    const isIn = client.nextOf('welcome').then(() => true);
    return (await Promise.race([isIn, client.closed.then(() => false)])) ? client : undefined;
  }

  function start(front: Front) {
    const configuration = configurationFor(TOO_SHORT, { front, behind: stack.behind });
    return startHaproxy({ configuration, port: front.sockets });
  }

  async function figures(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${stack.front.figures}/metrics`)).text();
  }

  /** Answers of 5xx that anybody got. */
  async function failed(): Promise<number> {
    const lines = (await figures()).matchAll(
      /^haproxy_frontend_http_responses_total\{.*code="5xx"\} (\d+)/gm,
    );
    const counts = [...lines].map(([, count]) => Number(count));
    assert.ok(counts.length >= 3, 'there are figures');
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async function stateOf(server: string): Promise<string | undefined> {
    const row = `^haproxy_server_status\\{proxy="sockets",server="${server}",state="(\\w+)"\\} 1`;
    return new RegExp(row, 'm').exec(await figures())?.[1];
  }

  async function up(...servers: readonly string[]): Promise<void> {
    for (const server of servers)
      await until(async () => (await stateOf(server)) === 'UP', { what: `${server} up`, timeoutMs: 10_000 });
  }
}, 120_000);

function nodeOf({ state }: Client): string | undefined {
  return state.state === 'online' ? state.node : undefined;
}

/** A server that answers once on each connection, keeps it, and closes it just as the next call comes. */
async function startClosing(): Promise<{ readonly port: number; stop(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    let calls = 0;
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.on('data', (data) => {
      if (!/^(?:GET|POST) /.test(String(data))) return;
      calls += 1;
      if (calls > 1) return void socket.destroy();
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('Not listening');
  return {
    port: address.port,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
