import * as assert from 'uvu/assert';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { randomId } from '../../shared/bytes.ts';
import type { AnswerFrame } from '../../shared/frame.ts';
import { describe } from '../../shared/testing/suite.ts';
import { WireClient } from '../../shared/testing/wire-client.ts';
import { connect, createPerson, grantsFor, type Nodes, startNodesOn, ticketFor, urlOf } from './fixture.ts';

const LOW = {
  FRAME_BYTES: 32_768,
  DATA_BYTES: 1_024,
  CHANNELS_PER_CONNECTION: 2,
  MAILBOXES_PER_CONNECTION: 2,
  ACCOUNT_COMMANDS_PER_SECOND: 1,
  ACCOUNT_COMMANDS_BURST: 6,
};
/** The longest base64url text of 1,024 bytes. */
const LONGEST = 1_366;

describe('limits that are set', ({ test, before, after }) => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let nodes: Nodes;
  before(async () => {
    redis = await startRedis();
    nodes = await startNodesOn(redis.url, { count: 1, env: variables(LOW) });
  });
  after(async () => {
    await nodes.stop();
    await redis.stop();
  });

  test('are told in the welcome', async () => {
    const client = new WireClient(urlOf(nodes, 0), { ticket: await ticketFor(nodes, createPerson()) });
    const { limits } = await client.nextOf('welcome');
    assert.equal([limits.frameBytes, limits.dataBytes, limits.channels], [32_768, 1_024, 2]);
  });

  test('the largest frame is read, one byte more ends the connection', async () => {
    const client = await connect(nodes, 0);
    client.sendRaw('{"type":"ping","ref":1}'.padEnd(LOW.FRAME_BYTES));
    assert.is((await client.nextOf('pong')).ref, 1);
    client.sendRaw('{"type":"ping","ref":2}'.padEnd(LOW.FRAME_BYTES + 1));
    assert.equal(await client.closed, { code: 1009, reason: 'frame_too_large' });
  });

  test('the largest ciphertext is taken, one character more is not', async () => {
    const person = createPerson();
    const client = await connect(nodes, 0, person);
    const channel = randomId();
    const grants = await grantsFor(nodes, person, [channel]);
    await client.command({ type: 'subscribe', grants, channels: [{ channel }] });
    const publish = (chars: number) =>
      client.command({ type: 'publish', channel, id: randomId(), data: 'A'.repeat(chars) });
    assert.is(codeOf(await publish(LONGEST)), 'ok');
    assert.is(codeOf(await publish(LONGEST + 2)), 'payload_too_large');
    const item = { mailbox: randomId(), id: randomId(), data: 'A'.repeat(LONGEST + 2) };
    const sent = await client.command({ type: 'send', items: [item] });
    assert.match(JSON.stringify(sent), '"payload_too_large"');
  });

  test('the last channel is taken, one more is not', async () => {
    const person = createPerson();
    const client = await connect(nodes, 0, person);
    const [a, b, c] = [randomId(), randomId(), randomId()];
    const subscribe = async (channels: readonly string[]) =>
      client.command({
        type: 'subscribe',
        grants: await grantsFor(nodes, person, channels),
        channels: channels.map((channel) => ({ channel })),
      });
    assert.is(codeOf(await subscribe([a, b])), 'ok');
    assert.is(codeOf(await subscribe([c])), 'channel_limit');
  });

  test('the last mailbox is taken, one more is not', async () => {
    const person = createPerson();
    const client = await connect(nodes, 0, person);
    const send = async (count: number) => {
      const mailboxes = Array.from({ length: count }, () => randomId());
      const claims = { session: person.session, sender: randomId(), mailboxes };
      const grants = await nodes.signer.sign('mailboxes', claims, Date.now());
      const items = mailboxes.map((mailbox) => ({ mailbox, id: randomId(), data: 'eA' }));
      return codeOf(await client.command({ type: 'send', grants, items }));
    };
    assert.is(await send(2), 'ok');
    assert.is(await send(1), 'channel_limit');
  });

  test('an account has its commands over all its connections, another has its own', async () => {
    const sender = randomId();
    const [one, two, other] = await Promise.all([
      connect(nodes, 0, { ...createPerson(), sender }),
      connect(nodes, 0, { ...createPerson(), sender }),
      connect(nodes, 0, { ...createPerson(), sender: randomId() }),
    ]);
    for (const client of [one, two, one, two, one, two])
      assert.is(codeOf(await client.command({ type: 'ping' })), 'ok');
    const over = await one.command({ type: 'ping' });
    assert.is(codeOf(over), 'too_many_requests');
    const { retryAfterMs = 0 } = over.type === 'failed' ? over : {};
    assert.ok(retryAfterMs > 0 && retryAfterMs <= 1_000, String(retryAfterMs));
    assert.is(codeOf(await other.command({ type: 'ping' })), 'ok');
  });

  test('connections beyond the rate are refused with the time to wait', async () => {
    const env = variables({ CONNECTIONS_PER_SECOND: 1, CONNECTIONS_BURST: 2 });
    const small = await startNodesOn(redis.url, { count: 1, env });
    try {
      const clients = await Promise.all([connect(small, 0), connect(small, 0)]);
      const { status, body } = await WireClient.refusal(urlOf(small, 0), {
        ticket: await ticketFor(small, createPerson()),
      });
      const problem = JSON.parse(body) as { code: string; retryAfterMs: number };
      assert.equal([status, problem.code], [429, 'too_many_requests']);
      assert.ok(problem.retryAfterMs > 0 && problem.retryAfterMs <= 1_000, body);
      for (const client of clients) assert.is(codeOf(await client.command({ type: 'ping' })), 'ok');
    } finally {
      await small.stop();
    }
  });
});

function variables(limits: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(limits).map(([name, value]) => [`HUSHWIRE_ORIGIN_LIMIT_${name}`, String(value)]),
  );
}

function codeOf(answer: AnswerFrame): string {
  return answer.type === 'failed' ? answer.code : 'ok';
}
