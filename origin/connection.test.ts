import * as assert from 'uvu/assert';
import { Failure } from '../shared/failure.ts';
import type { ServerFrame } from '../shared/frame.ts';
import { LIMITS } from '../shared/limits.ts';
import { until } from '../shared/testing/expect.ts';
import { describe } from '../shared/testing/suite.ts';
import type { Verifier } from '../shared/token.ts';
import { AccountAllowances } from './allowance.ts';
import { Connection } from './connection.ts';
import { Hub } from './hub.ts';
import { createCounters } from './metrics.ts';
import type { Socket } from './ports.ts';
import { PostOffice } from './post-office.ts';
import { Rosters } from './rosters.ts';
import { MemoryBroker } from './test/memory-broker.ts';

const SESSION = 'S'.repeat(22);
const CHANNEL = 'C'.repeat(22);
const PING = '{"type":"ping","ref":1}';

describe('connection', ({ test }) => {
  test('a frame before the welcome ends it', async () => {
    const { connection, socket, admit } = open();
    connection.receive(PING, PING.length);
    assert.equal(socket.closed, { code: 4500, reason: 'bad_frame' });
    admit(true);
    await until(() => socket.closed !== undefined, { what: 'the end' });
    assert.equal(socket.frames, []);
  });

  test('an admission that takes too long ends with ticket_timeout, and its late success changes nothing', async () => {
    const { socket, admit, timers, started } = open();
    timers[0]?.();
    assert.equal(socket.closed, { code: 4404, reason: 'ticket_timeout' });
    admit(true);
    await started;
    assert.equal(socket.frames, []);
  });

  test('redemption that cannot be checked fails closed', async () => {
    const { socket, admit, started } = open();
    admit(new Failure('unavailable'));
    await started;
    assert.equal(socket.closed, { code: 4413, reason: 'unavailable' });
  });

  test('a frame over the limit ends it, one at the limit does not', async () => {
    const { connection, socket, admit, started } = open();
    admit(true);
    await started;
    connection.receive(PING, LIMITS.frameBytes);
    assert.is(socket.closed, undefined);
    connection.receive(PING, LIMITS.frameBytes + 1);
    assert.equal(socket.closed, { code: 1009, reason: 'frame_too_large' });
  });

  test('it ends when no newer ticket is brought, and stays as long again when one is', async () => {
    const clock = { nowMs: 0 };
    const { connection, socket, admit, started } = open(clock);
    admit(true);
    await started;
    clock.nowMs = LIMITS.stayMs - 1_000;
    connection.expire(clock.nowMs);
    const refresh = JSON.stringify({ type: 'refresh', ref: 1, ticket: 'a.b.c' });
    connection.receive(refresh, refresh.length);
    await until(() => socket.frames.some(({ type }) => type === 'ok'), { what: 'the renewal' });
    connection.expire(2 * LIMITS.stayMs - 1_001);
    assert.is(socket.closed, undefined);
    connection.expire(2 * LIMITS.stayMs - 1_000);
    assert.equal(socket.closed, { code: 4411, reason: 'grant_expired' });
  });

  test('every command is answered once, also those beyond the rate', async () => {
    const { connection, socket, admit, started } = open();
    admit(true);
    await started;
    const total = LIMITS.pendingCommands;
    for (let ref = 1; ref <= total; ref += 1) connection.receive(`{"type":"ping","ref":${ref}}`, 24);
    const answers = () => socket.frames.filter((frame) => 'ref' in frame);
    await until(() => answers().length === total, { what: 'all answers' });
    connection.receive(PING, PING.length);
    await until(() => answers().length === total + 1, { what: 'one more' });
  });

  test('too many commands at once are answered with pending_limit, too many a second with retryAfterMs', async () => {
    const { connection, socket, admit, started, counters } = open();
    admit(true);
    await started;
    const codes = () => socket.frames.flatMap((frame) => (frame.type === 'failed' ? [frame.code] : []));
    for (let ref = 1; ref <= LIMITS.pendingCommands + 1; ref += 1)
      connection.receive(`{"type":"ping","ref":${ref}}`, 24);
    assert.equal(codes(), ['pending_limit']);
    await until(() => socket.frames.length >= LIMITS.pendingCommands + 1, { what: 'the answers' });
    for (let ref = 1; ref <= LIMITS.commandsBurst - LIMITS.pendingCommands + 1; ref += 1)
      connection.receive(`{"type":"unsubscribe","ref":${ref},"channels":["${CHANNEL}"]}`, 70);
    const limited = socket.frames.find(
      (frame) => frame.type === 'failed' && frame.code === 'too_many_requests',
    );
    assert.is(limited?.type === 'failed' && limited.retryAfterMs, 10);
    for (const code of ['pending_limit', 'too_many_requests'] as const)
      assert.ok((counters.failed.get(code) ?? 0) > 0, `${code} is counted`);
  });

  test('a peer that does not read is closed as a slow consumer', async () => {
    const { connection, socket, admit, started } = open();
    admit(true);
    await started;
    socket.isFull = true;
    connection.receive(PING, PING.length);
    await until(() => socket.closed !== undefined, { what: 'the end' });
    assert.equal(socket.closed, { code: 4410, reason: 'slow_consumer' });
  });

  test('nothing is sent and nothing answered after the end', async () => {
    const { connection, socket, admit, started } = open();
    admit(true);
    await started;
    connection.receive(PING, PING.length);
    connection.ended();
    const before = socket.frames.length;
    await new Promise((resolve) => setImmediate(resolve));
    connection.receive(PING, PING.length);
    assert.is(socket.frames.length, before);
  });
});

/** A connection whose admission waits for `admit`, on a socket that records. */
function open(clock = { nowMs: 0 }) {
  const socket = new RecordingSocket();
  const broker = new MemoryBroker();
  const timers: (() => void)[] = [];
  let settle: (outcome: true | Failure) => void = () => undefined;
  const outcome = new Promise<true | Failure>((resolve) => {
    settle = resolve;
  });
  const verifier: Verifier = {
    // The real verifier is held against real tokens in the socket suite; here only the order of events matters.
    verify: async () =>
      ({ jti: 'jti', session: SESSION, device: SESSION, mailbox: SESSION, expiresAtMs: 1 }) as never,
  };
  const ignore = () => undefined;
  const refuse = () => Promise.reject(new Failure('unavailable'));
  const mailboxes = {
    post: refuse,
    attach: refuse,
    claim: refuse,
    read: refuse,
    ack: refuse,
    watch: refuse,
    unwatch: ignore,
    listen: ignore,
  };
  const presences = {
    lifeMs: 60_000,
    show: refuse,
    leave: refuse,
    read: refuse,
    watch: refuse,
    unwatch: ignore,
    listen: ignore,
  };
  const counters = createCounters();
  const rosters = new Rosters({ presences, fanOut: ignore, log: ignore, setTimer: () => ignore });
  const connection = new Connection('connection-1', socket, {
    node: 'n1',
    limits: LIMITS,
    accounts: new AccountAllowances(LIMITS),
    broker,
    mailboxes,
    rosters,
    postOffice: new PostOffice({ mailboxes, wait: async () => undefined, onDelivered: ignore }),
    hub: new Hub({ broker, fanOut: ignore, wait: async () => undefined, onGap: ignore, onRepair: ignore }),
    verifier,
    revocations: { has: () => false },
    redemptions: {
      redeem: async () => {
        const result = await outcome;
        if (result instanceof Failure) throw result;
        return result;
      },
    },
    log: ignore,
    now: () => clock.nowMs,
    counters,
    setTimer: (run) => {
      timers.push(run);
      return ignore;
    },
    onReplayed: ignore,
    onGap: ignore,
  });
  return { connection, socket, timers, counters, admit: settle, started: connection.start('a.b.c') };
}

class RecordingSocket implements Socket {
  readonly frames: ServerFrame[] = [];
  closed: { code: number; reason: string } | undefined;
  isFull = false;

  send(text: string): 'sent' | 'full' {
    if (this.isFull) return 'full';
    this.frames.push(JSON.parse(text) as ServerFrame);
    return 'sent';
  }

  bufferedBytes(): number {
    return 0;
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  join(): void {
    throw new Error('Nothing joins here');
  }

  leave(): void {
    throw new Error('Nothing leaves here');
  }

  close(code: number, reason: string): void {
    this.closed = { code, reason };
  }
}
