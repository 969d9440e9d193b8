import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import type { PresenceFrame, Tag } from '../../shared/frame.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { WireClient } from '../../shared/testing/wire-client.ts';
import { connect, createPerson, type GrantOptions, grantsFor, type Nodes, startNodes } from './fixture.ts';
import { openOn } from './relays.ts';

/** The grace is a quarter of it. */
const LIFE_SECONDS = 2;

describe('presence', ({ test, before, after }) => {
  let nodes: Nodes;
  before(async () => {
    nodes = await startNodes(3, { HUSHWIRE_ORIGIN_PRESENCE_SECONDS: String(LIFE_SECONDS) });
  });
  const clients: WireClient[] = [];
  after(async () => {
    for (const client of clients) client.cut();
    await nodes.stop();
  });

  /** A client on a node that reads the channel as `member`. */
  const reader = async (
    node: number,
    channel: Tag,
    member: Tag,
    rest: Pick<GrantOptions, 'verbs' | 'right'> = {},
  ) => {
    const person = createPerson();
    const client = await connect(nodes, node, person);
    clients.push(client);
    const grants = await grantsFor(nodes, person, [channel], { members: { [channel]: member }, ...rest });
    await client.command({ type: 'subscribe', grants, channels: [{ channel }] });
    return client;
  };
  const attend = (client: WireClient, channel: Tag, show: boolean, watch: boolean) =>
    client.command({ type: 'presence', channel, show, watch });
  const told = (client: WireClient, isIt: (frame: PresenceFrame) => boolean, what: string) =>
    until(() => client.framesOf('presence').find(isIt), { what });
  const joins = (member: Tag) => (frame: PresenceFrame) => frame.joined?.includes(member) ?? false;
  const leaves = (member: Tag) => (frame: PresenceFrame) => frame.left?.includes(member) ?? false;

  /** Somebody else joins and leaves: whoever left before is told of by then. */
  const comeAndGo = async (channel: Tag, watcher: WireClient) => {
    const member = randomId();
    const client = await reader(1, channel, member);
    await attend(client, channel, true, false);
    await told(watcher, joins(member), 'a later join');
    client.cut();
    await told(watcher, leaves(member), 'a later leave');
  };

  test('a watcher is told everything, then who joins on another node; nobody is shown unasked', async () => {
    const [channel, a, b] = [randomId(), randomId(), randomId()];
    const [watcher, shown] = await Promise.all([reader(0, channel, a), reader(1, channel, b)]);
    assert.is((await attend(watcher, channel, false, true)).type, 'ok');
    assert.equal(watcher.framesOf('presence'), [{ type: 'presence', channel, count: 0, members: [] }]);
    await attend(shown, channel, true, false);
    const frame = await told(watcher, joins(b), 'the join');
    assert.equal([frame?.count, frame?.left], [1, []]);
    assert.equal(shown.framesOf('presence'), []);
  });

  test('a member with two devices leaves with the last of them, whatever node it is on', async () => {
    const [channel, a, b] = [randomId(), randomId(), randomId()];
    const watcher = await reader(0, channel, a);
    const devices = [await reader(0, channel, b), await reader(1, channel, b)];
    for (const device of devices) await attend(device, channel, true, false);
    await attend(watcher, channel, false, true);
    devices[0]?.cut();
    await comeAndGo(channel, watcher);
    assert.not(watcher.framesOf('presence').some(leaves(b)));
    devices[1]?.cut();
    await told(watcher, leaves(b), 'the leave');
  });

  test('who shows itself again within the grace neither left nor came', async () => {
    const [channel, a, b] = [randomId(), randomId(), randomId()];
    const watcher = await reader(0, channel, a);
    const first = await reader(1, channel, b);
    await attend(first, channel, true, false);
    await attend(watcher, channel, false, true);
    const second = await reader(0, channel, b);
    first.cut();
    await attend(second, channel, true, false);
    await comeAndGo(channel, watcher);
    assert.not(watcher.framesOf('presence').some((frame) => leaves(b)(frame) || joins(b)(frame)));
  });

  test('a crowd is counted without names, and named again when it shrinks', async () => {
    const [channel, a] = [randomId(), randomId()];
    const watcher = await reader(0, channel, a);
    await attend(watcher, channel, false, true);
    const crowd = await Promise.all(Array.from({ length: 65 }, () => reader(1, channel, randomId())));
    await Promise.all(crowd.map((client) => attend(client, channel, true, false)));
    const counted = await told(watcher, ({ count }) => count === 65, 'the count');
    assert.equal(Object.keys(counted ?? {}), ['type', 'channel', 'count']);
    for (const client of crowd.slice(0, 2)) client.cut();
    const named = await told(watcher, ({ members }) => (members?.length ?? 0) > 0, 'names again');
    assert.is(named?.members?.length, named?.count);
  });

  test('presence ends with the subscription, and needs the verb and a subscription', async () => {
    const [channel, a, b] = [randomId(), randomId(), randomId()];
    const codeOf = async (client: WireClient) => {
      const answer = await attend(client, channel, true, true);
      return 'code' in answer ? answer.code : 'ok';
    };
    assert.is(await codeOf(await reader(0, channel, a, { verbs: ['subscribe'] })), 'verb_not_granted');
    const watcher = await reader(0, channel, a);
    const shown = await reader(1, channel, b);
    assert.equal([await codeOf(watcher), await codeOf(shown)], ['ok', 'ok']);
    await told(watcher, joins(b), 'the join');
    await shown.command({ type: 'unsubscribe', channels: [channel] });
    await told(watcher, leaves(b), 'the leave');
    assert.is(await codeOf(shown), 'not_subscribed');
  });

  test('a member that was removed is neither shown nor told any more', async () => {
    const [channel, a, b, right] = [randomId(), randomId(), randomId(), randomId()];
    const watcher = await reader(0, channel, a);
    const removed = await reader(1, channel, b, { right });
    await attend(removed, channel, true, true);
    await attend(watcher, channel, false, true);
    const relay = await openOn([nodes.relayUrl]);
    await relay.control.hint([right]);
    await removed.nextOf('revoked');
    const before = removed.framesOf('presence').length;
    await told(watcher, leaves(b), 'the leave');
    await comeAndGo(channel, watcher);
    assert.is(removed.framesOf('presence').length, before);
    relay.close();
  });

  test('a node that is killed leaves no ghost beyond the bound', async () => {
    const [channel, a, b, c] = [randomId(), randomId(), randomId(), randomId()];
    const watcher = await reader(0, channel, a);
    const [lost, back] = [await reader(2, channel, b), await reader(2, channel, c)];
    for (const client of [lost, back]) await attend(client, channel, true, false);
    await attend(watcher, channel, false, true);
    await nodes.nodes[2]?.kill();
    const killedMs = Date.now();
    await attend(await reader(1, channel, c), channel, true, false);
    const frame = await told(watcher, leaves(b), 'the end of the dead');
    // The life of a show, and how seldom a node reads.
    const tookMs = Date.now() - killedMs;
    assert.ok(tookMs < (LIFE_SECONDS + 1) * 1_000 + 500, `${tookMs} ms`);
    assert.is(frame?.count, 1);
    assert.not(watcher.framesOf('presence').some(leaves(c)));
  });
}, 20_000);
