import * as assert from 'uvu/assert';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { systemClock } from '../../shared/client/clock.ts';
import { type Client, connectAccount } from '../../shared/client/hushwire.ts';
import { invitationLink, readInvitationLink } from '../../shared/client/invitation-link.ts';
import { rejectsWith } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { PUBLIC_URL } from './harness.ts';
import { type RealStores, startRealStores } from './real-stores.ts';

const HOUR_MS = 3_600_000;

describe('The channels of the SDK over real stores', ({ test, needs, before, after }) => {
  needs('redis-server');
  let stores: RealStores;
  let owner: Client;
  let guest: Client;
  const open: Client[] = [];
  before(async () => {
    stores = await startRealStores();
    [owner, guest] = [await connect(), await connect()];
  });
  after(async () => {
    for (const client of open) client.close();
    await stores?.stop();
  });

  const connect = async () => {
    const clock = { ...systemClock, now: stores.now };
    const ports = { edge: PUBLIC_URL, fetch: stores.fetch, openSocket: openNodeSocket, clock };
    const client = await connectAccount({ ...ports, through: 'direct' });
    open.push(client);
    return client;
  };

  test('a link lets somebody in, who talks there at once', async () => {
    const channelId = await owner.createChannel();
    const moderation = owner.moderation(channelId);
    const { invitation, tag } = await moderation.invite({ uses: 2, lifeMs: HOUR_MS });
    const link = readInvitationLink(
      invitationLink('https://chat.example/app#old', { channelId, invitation }),
    );
    assert.equal(link, { channelId, invitation });
    await guest.join(channelId, invitation);
    await guest.join(channelId, invitation);
    await guest.acceptKey(channelId, await owner.shareKey(channelId, guest.card.agreementKey));
    const channel = guest.channel(channelId);
    await channel.subscribe();
    await channel.publish('hello');
    assert.equal(
      (await moderation.invitations()).map(({ used, ...rest }) => [rest.tag, used]),
      [[tag, 1]],
    );
    await moderation.revokeInvitation(tag);
    await rejectsWith((await connect()).join(channelId, invitation), 'invitation_refused');
  });

  test('what is no link is none', () => {
    const link = invitationLink('https://chat.example/', { channelId: 'c'.repeat(22), invitation: 'a.b.c' });
    assert.ok(readInvitationLink(link) !== undefined);
    for (const text of ['', '#', link.slice(0, -2), link.replace('#', '?'), `${link}/d`, `${link}.d`])
      assert.is(readInvitationLink(text), undefined, text);
  });
}, 30_000);
