import { createHash } from 'node:crypto';
import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { INTERNAL_PATHS } from '../../shared/internal/calls.ts';
import type { RevocationTarget } from '../../shared/internal/devices.ts';
import { describe } from '../../shared/testing/suite.ts';
import { WireClient } from '../../shared/testing/wire-client.ts';
import type { PostgresPool } from '../adapters/postgres-pool.ts';
import type { PostgresRecords } from '../adapters/postgres-records.ts';
import type { PostgresRevocations } from '../adapters/postgres-revocations.ts';
import { connect, createPerson, type Nodes, startNodes, ticketFor, urlOf } from './fixture.ts';
import { newAccount, newMark, newSealed, newSession, openRecords } from './records-fixtures.ts';

const ENDED = { code: 4501, reason: 'session_ended' };

describe('revocations over two nodes', ({ test, before, after }) => {
  let nodes: Nodes;
  let pool: PostgresPool;
  let records: PostgresRecords;
  let revocations: PostgresRevocations;
  before(async () => {
    nodes = await startNodes(2, { HUSHWIRE_ORIGIN_REVOCATION_READ_SECONDS: '1' });
    ({ pool, records, revocations } = openRecords(nodes.databaseUrl));
  });
  after(async () => {
    await pool.close();
    await nodes.stop();
  });

  /** Somebody with a session in Postgres, and another session of the same device. */
  const join = async () => {
    const account = newAccount();
    await records.createAccount(account, newMark());
    const [session, other] = [newSession(account), newSession(account)];
    await records.createSession(session, newMark());
    await records.createSession(other, newMark());
    const { device } = account.device;
    const person = { session: session.session, device };
    return {
      account: account.account,
      by: session.session,
      person,
      other: { ...person, session: other.session },
    };
  };
  type Joined = Awaited<ReturnType<typeof join>>;
  /** Over the internal API of the first node, as the edge does it. */
  const revoke = async ({ account, by }: Joined, target: RevocationTarget) => {
    const path = INTERNAL_PATHS.revocations;
    const body = JSON.stringify({ account, by, ...target });
    const bodyHash = createHash('sha256').update(body).digest('base64url');
    const claims = { jti: randomId(), method: 'POST', path, bodyHash };
    const token = await nodes.signer.sign('internal', claims, Date.now());
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const response = await fetch(`${nodes.nodes[0]?.internalUrl}${path}`, { method: 'POST', headers, body });
    assert.is(response.status, 200);
    assert.is(((await response.json()) as { result: string }).result, 'revoked');
  };
  const lives = async (client: WireClient) =>
    assert.is((await client.command({ type: 'ping' })).type, 'pong');

  test('an ended session is out on every node within two seconds, and nobody else is', async () => {
    const alice = await join();
    const clients = [await connect(nodes, 0, alice.person), await connect(nodes, 1, alice.person)];
    const others = [await connect(nodes, 1, alice.other), await connect(nodes, 1)];
    const startedMs = performance.now();
    await revoke(alice, { what: 'session', session: alice.by });
    for (const client of clients) assert.equal(await client.closed, ENDED);
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs < 2_000, `It took ${tookMs} ms`);
    for (const client of others) await lives(client);
  });

  test('a removed device is out with every session, and its tickets are refused on every node', async () => {
    const alice = await join();
    const laptop = randomId();
    const device = {
      account: alice.account,
      approver: alice.person.device,
      device: laptop,
      sealed: newSealed(),
    };
    await revocations.addDevice(device, newMark());
    const sessions = [randomId(), randomId()].map((session) => ({ session, device: laptop }));
    const clients = await Promise.all(sessions.map((person) => connect(nodes, 1, person)));
    const unused = await ticketFor(nodes, { session: randomId(), device: laptop });
    await revoke(alice, { what: 'device', device: laptop });
    for (const client of clients) assert.equal(await client.closed, ENDED);
    for (const index of [0, 1]) {
      const ticket = index === 0 ? unused : await ticketFor(nodes, { session: randomId(), device: laptop });
      assert.equal(await new WireClient(urlOf(nodes, index), { ticket }).closed, ENDED);
    }
    await connect(nodes, 1, alice.person);
  });

  test('a deleted account is out with every device', async () => {
    const alice = await join();
    const clients = [await connect(nodes, 0, alice.person), await connect(nodes, 1, alice.other)];
    await revoke(alice, { what: 'account' });
    for (const client of clients) assert.equal(await client.closed, ENDED);
  });

  test('without a hint the next reading of the store ends the session all the same', async () => {
    const alice = await join();
    const clients = [await connect(nodes, 0, alice.person), await connect(nodes, 1, alice.person)];
    // Written past every node, so there is nobody to hint.
    const { account, by } = alice;
    await revocations.revoke({ account, by, what: 'session', session: by }, newMark());
    for (const client of clients) assert.equal(await client.closed, ENDED);
  });

  test('a node that starts later knows what was revoked before', async () => {
    const alice = await join();
    await revoke(alice, { what: 'session', session: alice.by });
    const late = await nodes.start('n3');
    const ticket = await ticketFor(nodes, alice.person);
    assert.equal(await new WireClient(`${late.url}/v1/socket`, { ticket }).closed, ENDED);
    const stranger = new WireClient(`${late.url}/v1/socket`, {
      ticket: await ticketFor(nodes, createPerson()),
    });
    await stranger.nextOf('welcome');
    await late.stop();
  });

  test('an open connection is not renewed for a session that has ended', async () => {
    const alice = await join();
    const client = await connect(nodes, 1, alice.person);
    const ticket = await ticketFor(nodes, alice.person);
    const { account, by } = alice;
    await revocations.revoke({ account, by, what: 'session', session: by }, newMark());
    client.sendRaw(JSON.stringify({ type: 'refresh', ref: 1, ticket }));
    assert.equal(await client.closed, ENDED);
  });
}, 30_000);
