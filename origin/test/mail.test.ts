import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type { Tag } from '../../shared/frame.ts';
import { LIMITS } from '../../shared/limits.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { WireClient } from '../../shared/testing/wire-client.ts';
import { connect, createPerson, grantsFor, type Nodes, type Person, startNodes, urlOf } from './fixture.ts';

describe('mail between devices on two nodes', ({ test, before, after }) => {
  let nodes: Nodes;
  before(async () => {
    nodes = await startNodes(2);
  });
  after(() => nodes.stop());

  const mailboxGrants = ({ session }: Person, mailboxes: readonly Tag[], nowMs = Date.now()) =>
    nodes.signer.sign('mailboxes', { session, sender: randomId(), mailboxes }, nowMs);
  const openDevice = async (index: number, mailbox: Tag, person = createPerson()) => {
    const ticket = await nodes.signer.sign('ticket', { ...person, jti: randomId(), mailbox }, Date.now());
    const client = new WireClient(urlOf(nodes, index), { ticket });
    await client.nextOf('welcome');
    return client;
  };
  const attach = async (client: WireClient) => {
    const answer = await client.command({ type: 'attach' });
    assert.ok(answer.type === 'ok' && 'epoch' in answer);
    return answer.epoch;
  };
  const sender = async (index: number, mailboxes: readonly Tag[]) => {
    const person = createPerson();
    const client = await connect(nodes, index, person);
    const grants = await mailboxGrants(person, mailboxes);
    const send = (data: string, id = randomId(), to = mailboxes) =>
      client.command({ type: 'send', grants, items: to.map((mailbox) => ({ mailbox, id, data })) });
    return { client, send, person };
  };
  const received = (client: WireClient) => client.framesOf('delivery').map(({ data }) => data);

  test('an item reaches a connected device at once, and one that comes later on its return', async () => {
    const mailbox = randomId();
    const { send } = await sender(0, [mailbox]);
    const early = await openDevice(1, mailbox);
    const epoch = await attach(early);
    assert.equal((await send('AAAA')).type, 'ok');
    const delivery = await early.nextOf('delivery');
    assert.equal([delivery.epoch, delivery.seq, delivery.data], [epoch, 1, 'AAAA']);
    await early.command({ type: 'ack', ranges: [[1, 1]] });
    early.cut();
    await send('BBBB');
    await send('CCCC');
    const late = await openDevice(0, mailbox);
    assert.is(await attach(late), epoch);
    await until(() => received(late).length === 2, { what: 'what was missed' });
    assert.equal(received(late), ['BBBB', 'CCCC']);
  });

  test('what was not acked comes again, what was acked does not', async () => {
    const mailbox = randomId();
    const { send } = await sender(0, [mailbox]);
    for (const data of ['AAAA', 'BBBB', 'CCCC']) await send(data);
    const first = await openDevice(0, mailbox);
    await attach(first);
    await until(() => received(first).length === 3, { what: 'three items' });
    await first.command({ type: 'ack', ranges: [[2, 2]] });
    first.cut();
    const second = await openDevice(1, mailbox);
    await attach(second);
    await until(() => received(second).length === 2, { what: 'two items' });
    assert.equal(received(second), ['AAAA', 'CCCC']);
  });

  test('a device holds at most its window unacked, and acks bring the rest in order', async () => {
    const mailbox = randomId();
    const { send } = await sender(0, [mailbox]);
    for (let i = 0; i < 80; i += 1) await send(`m${String(i).padStart(3, '0')}`);
    const device = await openDevice(1, mailbox);
    await attach(device);
    await until(() => received(device).length === LIMITS.unackedItems, { what: 'a full window' });
    for (let acked = 0; acked < 80; ) {
      const newest = device.framesOf('delivery').at(-1)?.seq ?? 0;
      assert.ok(newest - acked <= LIMITS.unackedItems);
      await device.command({ type: 'ack', ranges: [[acked + 1, newest]] });
      acked = newest;
      if (acked < 80) await until(() => received(device).length > acked, { what: 'more' });
    }
    assert.equal(
      received(device),
      Array.from({ length: 80 }, (_, i) => `m${String(i).padStart(3, '0')}`),
    );
  });

  test('the newest connection owns the mailbox; the older is told and its acks are refused', async () => {
    const mailbox = randomId();
    const { send } = await sender(0, [mailbox]);
    const older = await openDevice(0, mailbox);
    await attach(older);
    await send('AAAA');
    await older.nextOf('delivery');
    const newer = await openDevice(1, mailbox);
    await attach(newer);
    assert.is((await older.nextOf('detached')).code, 'superseded');
    const refused = await older.command({ type: 'ack', ranges: [[1, 1]] });
    assert.is(refused.type === 'failed' && refused.code, 'superseded');
    await newer.nextOf('delivery');
    assert.is((await newer.command({ type: 'ack', ranges: [[1, 1]] })).type, 'ok');
  });

  test('a retry with the same id is delivered once', async () => {
    const mailbox = randomId();
    const { send } = await sender(0, [mailbox]);
    const id = randomId();
    await send('AAAA', id);
    await send('AAAA', id);
    await send('BBBB');
    const device = await openDevice(1, mailbox);
    await attach(device);
    await until(() => received(device).includes('BBBB'), { what: 'the last one' });
    assert.equal(received(device), ['AAAA', 'BBBB']);
  });

  test('every item has its own verdict, and neither of them tells who is connected', async () => {
    const [here, away, foreign] = [randomId(), randomId(), randomId()];
    const { send } = await sender(0, [here, away]);
    await attach(await openDevice(1, here));
    const answer = await send('AAAA', randomId(), [here, away, foreign]);
    assert.ok(answer.type === 'ok' && 'items' in answer);
    assert.equal(answer.items, [
      { mailbox: here },
      { mailbox: away },
      { mailbox: foreign, code: 'grant_required', retry: 'new-ticket' },
    ]);
  });

  test('a full share is told as mailbox_full, and nothing is lost for it', async () => {
    const mailbox = randomId();
    const { send } = await sender(0, [mailbox]);
    let queued = 0;
    let refusal: unknown;
    while (refusal === undefined && queued < 600) {
      const answer = await send('AAAA');
      if (answer.type === 'failed') {
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      const item = 'items' in answer ? answer.items[0] : undefined;
      if (item !== undefined && 'code' in item) refusal = item;
      else queued += 1;
    }
    assert.equal(refusal, { mailbox, code: 'mailbox_full', retry: 'backoff' });
    assert.is(queued, 128);
  });

  test('a grant of another session, an expired one and another kind of token are refused', async () => {
    const mailbox = randomId();
    const person = createPerson();
    const client = await connect(nodes, 0, person);
    const codeWith = async (grants: string) => {
      const item = { mailbox, id: randomId(), data: 'AAAA' };
      const answer = await client.command({ type: 'send', grants, items: [item] });
      return answer.type === 'failed' ? answer.code : answer.type;
    };
    assert.is(await codeWith(await mailboxGrants(createPerson(), [mailbox])), 'grant_refused');
    assert.is(await codeWith(await mailboxGrants(person, [mailbox], Date.now() - 700_000)), 'grant_expired');
    assert.is(await codeWith(await grantsFor(nodes, person, [mailbox])), 'grant_refused');
    assert.is(await codeWith(await mailboxGrants(person, [mailbox])), 'ok');
  });

  test('ack without attach is refused', async () => {
    const client = await connect(nodes, 0);
    const answer = await client.command({ type: 'ack', ranges: [[1, 1]] });
    assert.is(answer.type === 'failed' && answer.code, 'superseded');
  });
}, 30_000);

describe('publishing without a log and with a condition', ({ test, before, after }) => {
  let nodes: Nodes;
  before(async () => {
    nodes = await startNodes(2);
  });
  after(() => nodes.stop());

  const join = async (index: number, channel: Tag) => {
    const person = createPerson();
    const client = await connect(nodes, index, person);
    const grants = await grantsFor(nodes, person, [channel]);
    const answer = await client.command({ type: 'subscribe', grants, channels: [{ channel }] });
    assert.ok(answer.type === 'ok' && 'channels' in answer);
    const [item] = answer.channels;
    assert.ok(item !== undefined && 'position' in item);
    return { client, position: item.position };
  };

  test('an ephemeral message reaches who is there and nobody later', async () => {
    const channel = randomId();
    const [{ client: a }, { client: b, position }] = [await join(0, channel), await join(1, channel)];
    const id = randomId();
    const answer = await a.command({ type: 'publish', channel, id, data: 'AAAA', ephemeral: true });
    assert.equal(Object.keys(answer), ['type', 'ref']);
    const frame = await b.nextOf('ephemeral');
    assert.equal([frame.channel, frame.id, frame.data], [channel, id, 'AAAA']);
    const { client: late, position: head } = await join(1, channel);
    assert.equal(head, position);
    await late.command({ type: 'ping' });
    assert.equal(late.framesOf('ephemeral'), []);
  });

  test('of two conditional publishes on two nodes one wins; the other learns the position to go on from', async () => {
    const channel = randomId();
    const [{ client: a, position }, { client: b }] = [await join(0, channel), await join(1, channel)];
    const commit = (client: WireClient, ifCommit = position) =>
      client.command({ type: 'publish', channel, id: randomId(), data: 'AAAA', ifCommit });
    const answers = await Promise.all([commit(a), commit(b)]);
    const winner = answers.find((answer) => answer.type === 'ok');
    const loser = answers.find((answer) => answer.type === 'failed');
    assert.ok(winner?.type === 'ok' && 'position' in winner);
    assert.is(loser?.type === 'failed' && loser.code, 'conflict');
    assert.equal(loser?.type === 'failed' && loser.position, winner.position);
    assert.is((await commit(b, winner.position)).type, 'ok');
  });
}, 30_000);
