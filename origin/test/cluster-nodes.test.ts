/** Clients on two nodes over a Redis Cluster, and over a failover that loses what it had acknowledged. */
import * as assert from 'uvu/assert';
import type { RedisCluster } from '../../deploy/local/servers/redis-cluster.ts';
import { cutOff, moveSlot } from '../../deploy/local/servers/redis-cluster-commands.ts';
import { randomId } from '../../shared/bytes.ts';
import type { Tag } from '../../shared/frame.ts';
import type { Position } from '../../shared/position.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { WireClient } from '../../shared/testing/wire-client.ts';
import { PARTITION_SLOTS, tagIn } from '../adapters/partitions.ts';
import { connect, createPerson, grantsFor, type Nodes, startNodesOn, urlOf } from './fixture.ts';
import { shareCluster } from './relays.ts';

const shared = shareCluster({ replicas: 1 });
/** A partition of each master. */
const PARTITIONS = [3, 30, 60];
const MIDDLE = 30;
const LAST = 60;

describe('two nodes over a cluster', ({ test, before, after }) => {
  let cluster: RedisCluster;
  let nodes: Nodes;
  before(async () => {
    cluster = await shared.cluster();
    nodes = await startNodesOn(cluster.url, { count: 2 });
  });
  after(async () => {
    await nodes.stop();
    await shared.stop();
  });

  /** A client on a node that has subscribed to the channels. */
  const reader = async (index: number, channels: readonly Tag[], position?: Position) => {
    const person = createPerson();
    const client = await connect(nodes, index, person);
    const grants = await grantsFor(nodes, person, channels);
    const places = channels.map((channel) => (position ? { channel, position } : { channel }));
    const answer = await client.command({ type: 'subscribe', grants, channels: places });
    assert.is(answer.type, 'ok');
    return client;
  };
  const device = async (index: number, mailbox: Tag) => {
    const claims = { ...createPerson(), jti: randomId(), mailbox };
    const client = new WireClient(urlOf(nodes, index), {
      ticket: await nodes.signer.sign('ticket', claims, Date.now()),
    });
    await client.nextOf('welcome');
    const answer = await client.command({ type: 'attach' });
    assert.ok(answer.type === 'ok' && 'epoch' in answer);
    return { client, epoch: answer.epoch };
  };
  const send = async (client: WireClient, session: Tag, mailbox: Tag) => {
    const grants = await nodes.signer.sign(
      'mailboxes',
      { session, sender: randomId(), mailboxes: [mailbox] },
      Date.now(),
    );
    return client.command({ type: 'send', grants, items: [{ mailbox, id: randomId(), data: 'AAAA' }] });
  };

  test('publications and items of every master reach the other node', async () => {
    const channels = PARTITIONS.map((partition) => tagIn(partition, randomId().slice(1)));
    const [writer, other] = [await reader(0, channels), await reader(1, channels)];
    for (const channel of channels) {
      const answer = await writer.command({ type: 'publish', channel, id: randomId(), data: 'AAAA' });
      assert.is(answer.type, 'ok');
    }
    await until(() => other.framesOf('publication').length === channels.length, { what: 'publications' });
    const person = createPerson();
    const sender = await connect(nodes, 0, person);
    for (const mailbox of PARTITIONS.map((partition) => tagIn(partition, randomId().slice(1)))) {
      const { client } = await device(1, mailbox);
      assert.is((await send(sender, person.session, mailbox)).type, 'ok');
      const { seq } = await client.nextOf('delivery');
      assert.is((await client.command({ type: 'ack', ranges: [[seq, seq]] })).type, 'ok');
    }
  });

  test('a slot that moves under traffic: readers and devices on the other node miss nothing', async () => {
    const channel = tagIn(MIDDLE, randomId().slice(1));
    const mailbox = tagIn(MIDDLE, randomId().slice(1));
    const [writer, other] = [await reader(0, [channel]), await reader(1, [channel])];
    const { client: owner } = await device(1, mailbox);
    const person = createPerson();
    const sender = await connect(nodes, 0, person);
    const accepted: Position[] = [];
    const publish = async () => {
      const command = { type: 'publish', channel, id: randomId(), data: 'AAAA' } as const;
      const attempt = async () => {
        const answer = await writer.command(command);
        if (answer.type !== 'ok' || !('position' in answer)) return false;
        accepted.push(answer.position);
        return true;
      };
      await until(attempt, { what: 'an accepted publish', timeoutMs: 15_000 });
    };
    const isQueued = async () => {
      const answer = await send(sender, person.session, mailbox);
      return answer.type === 'ok' && 'items' in answer && answer.items.every((item) => !('code' in item));
    };
    for (let i = 0; i < 20; i += 1) await publish();
    await until(isQueued, { what: 'an item' });
    const [to, from] = cluster.masters;
    assert.ok(to !== undefined && from !== undefined);
    const { password } = cluster;
    // While the slot is open on both sides, a publication is refused and offered again until the move is over.
    let under: Promise<void> = Promise.resolve();
    const onMoving = async () => {
      under = publish();
      await until(() => writer.framesOf('failed').length > 0, { what: 'a refusal' });
    };
    await moveSlot(PARTITION_SLOTS[MIDDLE] ?? 0, { from, to, password, onMoving });
    await under;
    for (let i = 0; i < 20; i += 1) await publish();
    await until(isQueued, { what: 'an item on the new server', timeoutMs: 15_000 });

    await until(() => other.framesOf('publication').length >= accepted.length, { what: 'publications' });
    const read = other.framesOf('publication').map(({ epoch, offset }) => ({ epoch, offset }));
    assert.equal(read, accepted);
    const told = other.frames.filter(({ type }) => type === 'gap' || type === 'publication');
    assert.equal(
      told.flatMap(({ type }, i) => (type === 'gap' ? [i] : [])),
      [20],
      'the only gap is where the other server begins',
    );
    await until(() => new Set(owner.framesOf('delivery').map(({ id }) => id)).size === 2, { what: 'items' });
  });

  test('a failover that loses acknowledged publications tells a gap to who is here and to who returns', async () => {
    const channel = tagIn(LAST, randomId().slice(1));
    const [writer, other] = [await reader(0, [channel]), await reader(1, [channel])];
    const publish = (data: string, id = randomId()) => writer.command({ type: 'publish', channel, id, data });
    const { client: owner, epoch } = await device(1, channel);
    await publish('KEPT');
    const [master, replica] = [last(cluster.masters), last(last(cluster.replicas))];
    await cutOff(replica, master);
    for (let i = 0; i < 5; i += 1) assert.is((await publish('LOST')).type, 'ok');
    await until(() => other.framesOf('publication').length === 6, { what: 'what will be lost' });
    const lost = other.framesOf('publication').at(-1);
    assert.ok(lost !== undefined);
    await cluster.kill(master);
    await cluster.failover(replica, 'takeover');

    const id = randomId();
    const isAccepted = async () => (await publish('NEWS', id)).type === 'ok';
    await until(isAccepted, { what: 'an accepted publish', timeoutMs: 15_000 });
    await until(() => other.framesOf('publication').at(-1)?.data === 'NEWS', {
      what: 'the new server',
      timeoutMs: 15_000,
    });
    const told = other.frames.filter(({ type }) => type === 'gap' || type === 'publication');
    assert.equal(told.map(({ type }) => type).slice(6), ['gap', 'publication']);
    const late = await reader(1, [channel], { epoch: lost.epoch, offset: lost.offset });
    await late.nextOf('gap');
    assert.equal(
      late.framesOf('publication').map(({ data }) => data),
      ['NEWS'],
    );
    await owner.command({ type: 'attach' });
    const answers = owner.framesOf('ok').flatMap((answer) => ('epoch' in answer ? [answer.epoch] : []));
    assert.is(answers.length, 2);
    assert.is.not(answers[1], epoch);
  });
}, 30_000);

function last<T>(nodes: readonly T[]): T {
  const found = nodes.at(-1);
  if (found === undefined) throw new Error('No nodes');
  return found;
}
