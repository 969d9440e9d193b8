import { createHash } from 'node:crypto';
import * as assert from 'uvu/assert';
import { type FaultProxy, startFaultProxy } from '../../deploy/local/faults/proxy.ts';
import type { OriginServer } from '../../deploy/local/servers/origin.ts';
import { randomId } from '../../shared/bytes.ts';
import { INTERNAL_PATHS } from '../../shared/internal/calls.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { WireClient } from '../../shared/testing/wire-client.ts';
import {
  connect,
  createPerson,
  grantsFor,
  type Nodes,
  type Person,
  startNodes,
  ticketFor,
} from './fixture.ts';
import { newAccount, newMark, newSession, openRecords } from './records-fixtures.ts';

/** How often the nodes read the durable revocations here; they fall silent after five seconds then. */
const READ_SECONDS = '1';

describe('a node behind cut connections', ({ test, before, after }) => {
  let nodes: Nodes;
  let far: OriginServer;
  let relay: FaultProxy;
  let database: FaultProxy;
  let records: ReturnType<typeof openRecords>;
  before(async () => {
    nodes = await startNodes(1, { HUSHWIRE_ORIGIN_REVOCATION_READ_SECONDS: READ_SECONDS });
    records = openRecords(nodes.databaseUrl);
    [relay, database] = [await proxyBefore(nodes.relayUrl), await proxyBefore(nodes.databaseUrl)];
    far = await nodes.start('far', {
      relayUrl: through(nodes.relayUrl, relay),
      databaseUrl: through(nodes.databaseUrl, database),
    });
  });
  after(async () => {
    await far?.stop();
    await Promise.all([relay?.close(), database?.close()]);
    await records?.pool.close();
    await nodes?.stop();
  });

  const connectFar = async (person: Person = createPerson()) => {
    const client = new WireClient(`${far.url}/v1/socket`, { ticket: await ticketFor(nodes, person) });
    await client.nextOf('welcome');
    return client;
  };
  /** Whether it is live; the connection that announcements come by may still be away. */
  const subscribe = async (client: WireClient, person: Person, channel: string) => {
    const grants = await grantsFor(nodes, person, [channel]);
    const answer = await client.command({ type: 'subscribe', grants, channels: [{ channel }] });
    return 'channels' in answer && answer.channels.every((verdict) => 'position' in verdict);
  };
  const reasons = async () => {
    const answer = (await (await fetch(`${far.healthUrl}/readyz`)).json()) as { reasons?: string[] };
    return answer.reasons ?? [];
  };
  const breakOff = (...proxies: readonly FaultProxy[]) => {
    for (const proxy of proxies) {
      proxy.refuse();
      proxy.cut();
    }
  };
  /** Somebody with a session in PostgreSQL, and what ends it: told to the near node, as an edge does. */
  const join = async () => {
    const account = newAccount();
    await records.records.createAccount(account, newMark());
    const session = newSession(account);
    await records.records.createSession(session, newMark());
    const person = { session: session.session, device: account.device.device };
    const end = () => revoke({ account: account.account, by: person.session, session: person.session });
    return { person, end };
  };
  const revoke = async (target: Readonly<Record<'account' | 'by' | 'session', string>>) => {
    const path = INTERNAL_PATHS.revocations;
    const body = JSON.stringify({ ...target, what: 'session' });
    const bodyHash = createHash('sha256').update(body).digest('base64url');
    const claims = { jti: randomId(), method: 'POST', path, bodyHash };
    const token = await nodes.signer.sign('internal', claims, Date.now());
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(`${nodes.nodes[0]?.internalUrl}${path}`, { method: 'POST', headers, body });
    assert.is(answer.status, 200);
  };

  test('sends a banned device away by what it reads, although no hint reaches it', async () => {
    const { person, end } = await join();
    const [banned, other] = [await connectFar(person), await connectFar()];
    breakOff(relay);
    await end();
    assert.equal(await banned.closed, { code: 4501, reason: 'session_ended' });
    assert.is((await other.command({ type: 'ping' })).type, 'pong');
    relay.heal();
    await until(() => relayIsUp(far), { what: 'the relay', timeoutMs: 15_000 });
  });

  test('delivers nothing once it hears from nobody, and then everything, but not to who was banned', async () => {
    const [channel, alice, bob] = [randomId(), createPerson(), createPerson()];
    const { person: mallory, end } = await join();
    const near = await connect(nodes, 0, alice);
    const [here, banned] = [await connectFar(bob), await connectFar(mallory)];
    for (const [client, person] of [
      [near, alice],
      [here, bob],
      [banned, mallory],
    ] as const)
      await until(() => subscribe(client, person, channel), { what: 'a subscription', timeoutMs: 15_000 });
    const publish = async (data: string) =>
      assert.is((await near.command({ type: 'publish', channel, id: randomId(), data })).type, 'ok');
    const heard = (client: WireClient) => client.framesOf('publication').map(({ data }) => data);
    await publish('AAAA');
    await until(() => heard(here).length + heard(banned).length === 2, {
      what: 'what came before',
      timeoutMs: 15_000,
    });

    breakOff(relay, database);
    await until(async () => (await reasons()).includes('suspended'), { what: 'the end', timeoutMs: 15_000 });
    await end();
    await publish('BBBB');
    // The relay is back, so it brings what was missed; but hints were missed as well, and the store is away.
    relay.heal();
    await until(async () => await relayIsUp(far), { what: 'the relay', timeoutMs: 15_000 });
    await publish('CCCC');
    for (const client of [here, banned]) {
      assert.is((await client.command({ type: 'ping' })).type, 'pong');
      assert.equal(heard(client), ['AAAA']);
    }
    const own = await here.command({ type: 'publish', channel, id: randomId(), data: 'DDDD' });
    assert.is(failureOf(own), 'unavailable');
    assert.is((await WireClient.refusal(`${far.url}/v1/socket`, {})).status, 503);

    database.heal();
    assert.equal(await banned.closed, { code: 4501, reason: 'session_ended' });
    await until(() => heard(here).length === 3, { what: 'what was held back', timeoutMs: 15_000 });
    assert.equal(heard(here), ['AAAA', 'BBBB', 'CCCC']);
    assert.equal(heard(banned), ['AAAA']);
    assert.equal(here.framesOf('gap'), []);
    assert.equal(await reasons(), []);
  });
}, 60_000);

function failureOf(answer: { readonly type: string; readonly code?: string }): string | undefined {
  return answer.type === 'failed' ? answer.code : undefined;
}

async function relayIsUp({ healthUrl }: OriginServer): Promise<boolean> {
  const health = (await (await fetch(`${healthUrl}/healthz`)).json()) as {
    readonly relay: { readonly isUp: boolean };
    readonly announcements: { readonly ageMs: number };
  };
  return health.relay.isUp && health.announcements.ageMs < 1_000;
}

async function proxyBefore(url: string): Promise<FaultProxy> {
  const port = Number(new URL(url).port);
  return startFaultProxy({ target: () => port });
}

function through(url: string, { port }: FaultProxy): string {
  const by = new URL(url);
  by.port = String(port);
  return String(by);
}
