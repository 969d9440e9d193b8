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
  type Behind,
  configurationFor,
  type Front,
  pickFront,
  startBalanced,
} from './balanced-stack.ts';
import { distant, failuresAround } from './idle-calls.ts';

/** The shortest time after which a node closes a silent socket, instead of 60 s; all the balancer's times shrink alike. */
const SOCKET_IDLE = 8;
const SCALE = SOCKET_IDLE / timings.SOCKET_IDLE;
const BALANCER_IDLE_MS = timings.BALANCER_IDLE * SCALE * 1_000;
/** Shrunk so far that it cuts what is silent between two pings of a node, which are 4 s apart. */
const TOO_SHORT = 1 / 36;

describe('a stack behind HAProxy', ({ test, needs, before, after }) => {
  needs('haproxy');
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

  test('keeps what is idle: silent sockets by the pings of nodes, calls by closing first', async () => {
    const parts = [outlive(), cut(), call()];
    await Promise.allSettled(parts);
    await Promise.all(parts);
  });

  test('a node that drains gets nobody new, and its clients move while messages flow', async () => {
    const talk = startTalk();
    const [node] = stack.nodes;
    const ended = node?.stopGently(30_000);
    const noticed = async () => (await stateOf('origin-1')) !== 'UP';
    await until(noticed, { what: 'the balancer to notice', timeoutMs: 10_000 });
    assert.ok(clients.map(nodeOf).includes('node-1'), 'it moved them before the balancer had noticed');
    const sessions = await sessionsOf('origin-1');
    const late = await enter();
    assert.is(nodeOf(late), 'node-2');
    late.close();
    await ended;
    assert.is(await sessionsOf('origin-1'), sessions);
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

  /** A silent socket lives on for longer than the balancer keeps what is silent. */
  async function outlive(): Promise<void> {
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
  }

  /** Where the balancer waits for less than what nodes ping in, it is cut. */
  async function cut(): Promise<void> {
    const { front, haproxy } = await inFront(stack.behind, TOO_SHORT);
    try {
      const client = await until(() => tryWire(front), { what: 'a way in', timeoutMs: 5_000 });
      if (client === undefined) throw new Error('No way in');
      // It answers pings, so the node would not close it.
      const { code } = await until(client.closed, { what: 'the cut', timeoutMs: 10_000 });
      assert.is(code, 1006);
    } finally {
      await haproxy.stop();
    }
  }

  /** No call meets a connection that is just being closed; where the balancer waits for longer than servers, some do. */
  async function call(): Promise<void> {
    const far = await distant(stack.behind);
    const balancers = await Promise.all([SCALE, 1].map((scale) => inFront(far.behind, scale)));
    try {
      const [kept, lost = []] = await Promise.all(
        balancers.map(({ front }) =>
          Promise.all([front.edge, front.api].map((port) => failuresAround(port, BALANCER_IDLE_MS))),
        ),
      );
      assert.equal(kept, [0, 0]);
      assert.ok(
        lost.every((count) => count > 0),
        `${lost} calls fail where some must`,
      );
    } finally {
      await Promise.all(balancers.map(({ haproxy }) => haproxy.stop()));
      await far.close();
    }
  }

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

  /** Another balancer in front of the same. */
  async function inFront(behind: Behind, scale: number) {
    const front = await pickFront();
    const configuration = configurationFor(scale, { front, behind });
    return { front, haproxy: await startHaproxy({ configuration, port: front.sockets }) };
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

  /** How many the balancer has sent there so far. */
  async function sessionsOf(server: string): Promise<number> {
    const row = `^haproxy_server_sessions_total\\{proxy="sockets",server="${server}"\\} (\\d+)`;
    return Number(new RegExp(row, 'm').exec(await figures())?.[1]);
  }

  async function up(...servers: readonly string[]): Promise<void> {
    for (const server of servers)
      await until(async () => (await stateOf(server)) === 'UP', { what: `${server} up`, timeoutMs: 10_000 });
  }
}, 120_000);

function nodeOf({ state }: Client): string | undefined {
  return state.state === 'online' ? state.node : undefined;
}
