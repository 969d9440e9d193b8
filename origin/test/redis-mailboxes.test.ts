import { startRedis } from '../../deploy/local/servers/redis.ts';
import { randomId } from '../../shared/bytes.ts';
import { rejectsWith } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { describeRedisMailboxes } from './redis-mailboxes-contract.ts';
import { openOn, startSingle } from './relays.ts';

describeRedisMailboxes('Redis', startSingle);

describe('redis mailboxes without Redis', ({ test }) => {
  test('every call fails with unavailable and nothing is promised', async () => {
    const server = await startRedis();
    const relay = await openOn([server.url]);
    const mailbox = randomId();
    const attachment = await relay.mailboxes.attach(mailbox);
    await server.stop();
    const letter = { mailbox, sender: randomId(), id: randomId(), body: 'x' };
    await rejectsWith(relay.mailboxes.post(letter), 'unavailable');
    await rejectsWith(relay.mailboxes.read(mailbox, 0), 'unavailable');
    await rejectsWith(relay.mailboxes.ack(attachment, [[1, 1]]), 'unavailable');
    relay.close();
  });
});
