/** Clients on two nodes over a Redis Cluster, and over a failover that loses what it had acknowledged. */
import * as assert from 'uvu/assert';
import type { RedisCluster } from '../../deploy/local/servers/redis-cluster.ts';
import { cutOff } from '../../deploy/local/servers/redis-cluster-commands.ts';
import { randomId } from '../../shared/bytes.ts';
import type { Tag } from '../../shared/frame.ts';
import type { Position } from '../../shared/position.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { WireClient } from '../../shared/testing/wire-client.ts';
import { tagIn } from '../adapters/partitions.ts';
import { connect, createPerson, grantsFor, type Nodes, startNodesOn, urlOf } from './fixture.ts';
import { shareCluster } from './relays.ts';

const shared = shareCluster({ replicas: 1 });
/** A partition of each master. */
const PARTITIONS = [3, 30, 60];
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
