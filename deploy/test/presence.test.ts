import * as assert from 'uvu/assert';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import type { Channel } from '../../shared/client/channel.ts';
import { type Client, connectAccount } from '../../shared/client/hushwire.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { type Stack, startStack } from '../local/stack.ts';

describe('presence and ephemeral messages of the SDK', ({ test, before, after }) => {
  let stack: Stack;
  const open: Client[] = [];
  const connect = async (node: string) => {
    const client = await connectAccount({ edge: stack.edgeUrl, openSocket: openNodeSocket, node });
    open.push(client);
    return client;
  };
  let ofAlice: Channel;
  let ofBob: Channel;
  before(async () => {
    stack = await startStack();
    const [alice, bob] = [await connect('node-1'), await connect('node-2')];
    const channelId = await alice.createChannel();
    await alice.addMember(channelId, bob.userId);
    await bob.acceptKey(channelId, await alice.shareKey(channelId, bob.card.agreementKey));
    ofAlice = alice.channel(channelId);
    ofBob = bob.channel(channelId);
    await Promise.all([ofAlice.subscribe(), ofBob.subscribe()]);
  });
  after(async () => {
    for (const client of open) client.close();
    await stack?.stop();
  });

  test('who shows itself on one node is seen on another, by the tag its messages carry', async () => {
    assert.equal(await ofAlice.presence.snapshot(), { count: 0, members: [] });
    const changes = ofAlice.presence.changes();
    assert.is((await changes.next()).value.count, 0);
    await ofBob.presence.show();
    const { value } = await until(changes.next(), { what: 'the join' });
    const heard = ofAlice.messages();
    await ofBob.publish('hello');
    assert.equal([value.count, value.joined], [1, [(await heard.next()).value.from]]);
    await changes.return?.();
  });

  test('an ephemeral message arrives at once, and is not in the log', async () => {
    const before = ofAlice.position;
    const heard = new Promise<string>((resolve) =>
      ofAlice.on('ephemeral', (message) => resolve(message.text())),
    );
    await ofBob.publishEphemeral('typing');
    assert.is(await until(heard, { what: 'the ephemeral message' }), 'typing');
    assert.equal(ofAlice.position, before);
  });
}, 60_000);
