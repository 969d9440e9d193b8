import * as assert from 'uvu/assert';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { randomId } from '../../shared/bytes.ts';
import type { Position } from '../../shared/position.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { WireClient } from '../../shared/testing/wire-client.ts';
import { connect, createPerson, grantsFor, type Nodes, type Person, startNodesOn } from './fixture.ts';

/** The writer must outrun every buffer of the kernel: some megabytes on either side. */
const ROOM = String(64 * 1024 * 1024);
const ENV = {
  HUSHWIRE_ORIGIN_LIMIT_OUTBOX_BYTES: String(512 * 1024),
  HUSHWIRE_ORIGIN_LIMIT_BYTES_BURST: ROOM,
  HUSHWIRE_ORIGIN_LIMIT_ACCOUNT_BYTES_BURST: ROOM,
  HUSHWIRE_ORIGIN_LIMIT_COMMANDS_BURST: '5000',
};
const LOGGED = 10;
const LOUD = 'A'.repeat(80_000);

describe('a reader that reads no more', ({ test, before, after }) => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let nodes: Nodes;
  before(async () => {
    redis = await startRedis();
    nodes = await startNodesOn(redis.url, { count: 1, env: ENV });
  });
  after(async () => {
    await nodes?.stop();
    await redis?.stop();
  });

  test('is cut when what waits for it is over the limit, delays nobody, and misses nothing that was logged', async () => {
    const [channel, slow, writer] = [randomId(), createPerson(), createPerson()];
    const [reader, other, from] = [
      await connect(nodes, 0, slow),
      await connect(nodes, 0),
      await connect(nodes, 0, writer),
    ];
    const people: readonly (readonly [WireClient, Person])[] = [
      [reader, slow],
      [from, writer],
    ];
    for (const [client, person] of people)
      assert.is((await client.command(await subscription(person, channel))).type, 'ok');
    const publish = (data: string, ephemeral?: true) =>
      from.command({ type: 'publish', channel, id: randomId(), data, ...(ephemeral && { ephemeral }) });
    assert.is((await publish('AAAA')).type, 'ok');
    const { epoch, offset } = await reader.nextOf('publication');
    const held = { epoch, offset };

    reader.socket.pause();
    for (let i = 0; i < LOGGED; i += 1) assert.is((await publish(`BBB${i}`)).type, 'ok');
    for (let i = 0; (await cuts()) === 0 && i < 100; i += 1)
      await Promise.all(Array.from({ length: 8 }, () => publish(LOUD, true)));
    assert.is(await cuts(), 1, 'one was cut');
    assert.is((await other.command({ type: 'ping' })).type, 'pong');

    const back = await connect(nodes, 0, slow);
    const again = await subscription(slow, channel, held);
    assert.is((await back.command(again)).type, 'ok');
    await until(() => back.framesOf('publication').length >= LOGGED, { what: 'what it missed' });
    assert.equal(
      back.framesOf('publication').map(({ data }) => data),
      Array.from({ length: LOGGED }, (_, i) => `BBB${i}`),
    );
    assert.equal(back.framesOf('gap'), []);
  });

  async function subscription(person: Person, channel: string, position?: Position) {
    const grants = await grantsFor(nodes, person, [channel]);
    const one = position === undefined ? { channel } : { channel, position };
    return { type: 'subscribe', grants, channels: [one] } as const;
  }

  /** How many readers the node has cut for being slow. */
  async function cuts(): Promise<number> {
    const text = await (await fetch(`${nodes.nodes[0]?.healthUrl}/metrics`)).text();
    return Number(/^hushwire_closes_total\{[^}]*code="slow_consumer"[^}]*\} (\d+)/m.exec(text)?.[1]);
  }
}, 60_000);
