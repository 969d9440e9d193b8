/** A Cluster that changes under traffic: slots move, masters fail over and lose what they had acknowledged. */
import * as assert from 'uvu/assert';
import { askRedis } from '../../deploy/local/servers/redis-ask.ts';
import type { ClusterNode, RedisCluster } from '../../deploy/local/servers/redis-cluster.ts';
import { cutOff, moveSlot } from '../../deploy/local/servers/redis-cluster-commands.ts';
import { randomId } from '../../shared/bytes.ts';
import { isFailure } from '../../shared/failure.ts';
import type { Tag } from '../../shared/frame.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { PARTITION_SLOTS, tagIn } from '../adapters/partitions.ts';
import type { Relay } from '../adapters/redis-relay.ts';
import type { Accepted, LoggedPublication } from '../ports.ts';
import { openOn, shareCluster } from './relays.ts';

const shared = shareCluster({ replicas: 1 });
/** Partitions of the first, second and third master. */
const [FIRST, SECOND, THIRD] = [3, 30, 60] as const;

describe('relay on a cluster that changes', ({ test, before, after }) => {
  let cluster: RedisCluster;
  let [a, b]: Relay[] = [];
  const relays = () => {
    if (a === undefined || b === undefined) throw new Error('No relays');
    return [a, b] as const;
  };
  before(async () => {
    cluster = await shared.cluster();
    const urls = cluster.url.split(',');
    // One node knows of every server, the other of one only.
    [a, b] = await Promise.all([openOn(urls), openOn(urls.slice(0, 1))]);
  });
  after(async () => {
    a?.close();
    b?.close();
    await shared.stop();
  });

  const node = (nodes: readonly (ClusterNode | undefined)[], index: number): ClusterNode => {
    const found = nodes[index];
    if (found === undefined) throw new Error(`No node ${index}`);
    return found;
  };
  const master = (index: number) => node(cluster.masters, index);
  const replicaOf = (index: number) => node(cluster.replicas[index] ?? [], 0);
  const channelIn = (partition: number) => tagIn(partition, randomId().slice(1));

  test('a slot that moves under traffic: what is accepted is kept, heard by all, and writers go on', async () => {
    const [one, other] = relays();
    const channel = channelIn(SECOND);
    const heard = listen(other, channel);
    await other.broker.subscribe(channel);
    const writer = write(one, channel);
    await until(() => writer.accepted.length > 20, { what: 'traffic' });
    await moveSlot(PARTITION_SLOTS[SECOND] ?? 0, {
      from: master(1),
      to: master(2),
      password: cluster.password,
      // While the slot is open, no script may run on either half of a channel.
      onMoving: async () => void (await until(() => writer.failures > 0, { what: 'a refusal' })),
    });
    const moved = writer.accepted.length;
    await until(() => heard.interruptions > 0, { what: 'the interruption' });
    await until(() => writer.accepted.length > moved + 50, { what: 'traffic on the new server' });
    await writer.stop();
    const epochs = [...new Set(writer.accepted.map(({ position }) => position.epoch))];
    assert.is(epochs.length, 2, 'one epoch on each server');
    assertNumbered(writer.accepted, epochs);
    const last = writer.accepted.at(-1)?.position;
    await until(() => heard.publications.at(-1)?.position.offset === last?.offset, { what: 'the last' });
    assert.is(heard.publications.at(-1)?.position.epoch, epochs[1]);
  });

  test('an orderly failover begins a new epoch, and a master that comes back yet another one', async () => {
    const [one, other] = relays();
    const [touched, idle] = [channelIn(FIRST), channelIn(FIRST)];
    const first = await publishSoon(one, touched);
    const untouched = await publishSoon(one, idle);
    await cluster.failover(replicaOf(0), 'orderly');
    const second = await publishSoon(one, touched);
    await cluster.failover(master(0), 'orderly');
    const third = await publishSoon(other, touched);
    assert.is(new Set([first, second, third].map(({ position }) => position.epoch)).size, 3);
    // Nobody touched this one in between: its head still names the life that is over.
    const page = await readSoon(one, idle, untouched.position);
    assert.is(page.gap, 'epoch');
  });

  test('a failover that loses acknowledged writes is told as a gap, for channels and for mailboxes', async () => {
    const [one, other] = relays();
    const channel = channelIn(THIRD);
    const mailbox = channelIn(THIRD);
    const heard = listen(other, channel);
    await other.broker.subscribe(channel);
    const kept = await publishSoon(one, channel, 'kept');
    const letter = (body: string) => ({ mailbox, sender: randomId(), id: randomId(), body });
    await one.mailboxes.post(letter('kept'));
    const attachment = await other.mailboxes.attach(mailbox);
    await until(() => holds(replicaOf(2), mailbox), { what: 'replication' });

    // Whatever is acknowledged from here on is lost with the master.
    await cutOff(replicaOf(2), master(2));
    const lost = await Promise.all(
      Array.from({ length: 20 }, (_, i) => one.broker.publish({ channel, id: randomId(), body: `lost${i}` })),
    );
    assert.equal(
      lost.map(({ outcome }) => outcome).filter((outcome) => outcome !== 'accepted'),
      [],
    );
    const lostSeq = await one.mailboxes.post(letter('lost'));
    assert.equal(lostSeq, { outcome: 'queued', seq: 2 });
    await until(() => heard.publications.length === 21, { what: 'what will be lost' });
    await cluster.kill(master(2));
    await cluster.failover(replicaOf(2), 'takeover');

    const after = await publishSoon(one, channel, 'after');
    assert.is.not(after.position.epoch, kept.position.epoch);
    assert.is(after.position.offset, 1, 'an old stream is never mixed with a new head');
    for (const { position } of [kept, ...lost]) {
      const page = await readSoon(other, channel, position);
      assert.is(page.gap, 'epoch');
      assert.equal(
        page.publications.map(({ body }) => body),
        ['after'],
      );
    }
    await until(() => heard.interruptions > 0, { what: 'the interruption' });
    await publishSoon(one, channel, 'later');
    await until(() => heard.publications.at(-1)?.body === 'later', { what: 'the new server' });

    const page = await other.mailboxes.read(mailbox, 0);
    assert.is.not(page.epoch, attachment.epoch);
    assert.equal(
      page.items.map(({ body }) => body),
      ['kept'],
    );
    assert.is(
      await other.mailboxes.ack(attachment, [[1, 2]]),
      'over',
      'an ack of what the device saw before',
    );
    assert.equal((await other.mailboxes.read(mailbox, 0)).items.length, 1);
  });

  test('a master that rules again, and never heard of the rule in between, begins a new epoch as well', async () => {
    // Whoever is connected would look into every partition of the new master at once, before the old one is cut off.
    for (const relay of relays()) relay.close();
    const [channel, mailbox] = [channelIn(FIRST), channelIn(FIRST)];
    const letter = (body: string) => ({ mailbox, sender: randomId(), id: randomId(), body });
    const use = async (body: string) => {
      const relay = await openOn(cluster.url.split(','));
      const { position } = await publishSoon(relay, channel, body);
      await relay.mailboxes.post(letter(body));
      return { relay, position, box: (await relay.mailboxes.attach(mailbox)).epoch };
    };
    const first = await use('kept');
    first.relay.close();
    await cluster.failover(replicaOf(0), 'orderly');
    await cutOff(master(0), replicaOf(0));
    const second = await use('lost');
    await cluster.kill(replicaOf(0));
    await cluster.failover(master(0), 'takeover');
    second.relay.close();
    const third = await use('after');
    const epochs = [first, second, third].flatMap(({ position, box }) => [position.epoch, box]);
    assert.is(new Set(epochs).size, 6);
    for (const { position } of [first, second])
      assert.is((await readSoon(third.relay, channel, position)).gap, 'epoch');
    third.relay.close();
  });
}, 30_000);

/** Whether a server has the key of a mailbox, asked as a replica. */
async function holds({ url }: ClusterNode, mailbox: Tag): Promise<boolean> {
  const info = String(await askRedis(url, 'INFO', 'keyspace'));
  if (!info.includes('keys=')) return false;
  const keys = (await askRedis(url, 'KEYS', `*${mailbox}`)) as string[];
  return keys.some((key) => key.includes(':box:'));
}

interface Heard {
  readonly publications: LoggedPublication[];
  interruptions: number;
}

function listen({ broker }: Relay, wanted: Tag): Heard {
  const heard: Heard = { publications: [], interruptions: 0 };
  broker.listen({
    onPublication: (channel, publication) => {
      if (channel !== wanted) return;
      heard.publications.push(publication);
    },
    onEphemeral: () => undefined,
    onInterrupted: () => {
      heard.interruptions += 1;
    },
  });
  return heard;
}

/** Publishes one after the other until stopped, each with the same id until it is accepted. */
function write({ broker }: Relay, channel: Tag) {
  const accepted: Accepted[] = [];
  let isOver = false;
  const stop = () => {
    isOver = true;
    return done;
  };
  const writer = { accepted, failures: 0, stop };
  const run = async () => {
    while (!isOver) {
      const id = randomId();
      const attempt = () => broker.publish({ channel, id, body: id });
      const position = await retry(attempt, () => {
        writer.failures += 1;
      });
      accepted.push(position);
    }
  };
  const done = run();
  return writer;
}

/** Offsets of each epoch count up by one, and the epochs do not alternate. */
function assertNumbered(accepted: readonly Accepted[], epochs: readonly string[]): void {
  const offsets = epochs.map((epoch) =>
    accepted.filter(({ position }) => position.epoch === epoch).map(({ position }) => position.offset),
  );
  for (const list of offsets)
    assert.equal(
      list,
      Array.from(list, (_, i) => i + 1),
    );
}

const publishSoon = ({ broker }: Relay, channel: Tag, body = 'x') => {
  const id = randomId();
  return retry(() => broker.publish({ channel, id, body }));
};
const readSoon = ({ broker }: Relay, channel: Tag, after: Accepted['position']) =>
  retry(() => broker.read(channel, after));

/** As a client does it: `unavailable` means again. */
async function retry<T>(attempt: () => Promise<T>, onFailure: () => void = () => undefined): Promise<T> {
  const value = await until(
    async () => {
      try {
        return { value: await attempt() };
      } catch (error) {
        if (!isFailure(error, 'unavailable')) throw error;
        onFailure();
        return undefined;
      }
    },
    { what: 'the relay', timeoutMs: 15_000 },
  );
  if (value === undefined) throw new Error('No value');
  return value.value;
}
