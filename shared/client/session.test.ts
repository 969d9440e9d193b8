import * as assert from 'uvu/assert';
import { Failure } from '../failure.ts';
import { rejectsWith } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import { type AssertionClaims, verifyAssertion } from '../token.ts';
import { loadDevice, memoryDeviceStore } from './device.ts';
import type { Call, Http } from './http.ts';
import { Session, signUp } from './session.ts';
import { ManualClock } from './test/manual-clock.ts';
import { tagOf } from './test/scripted-socket.ts';

const EDGE = 'https://edge.example';
const USER = tagOf('user');

/** An edge that proves every assertion and answers what `answer` says. */
async function setUp(answer: (path: string, claims: AssertionClaims, n: number) => unknown) {
  const clock = new ManualClock();
  const device = await loadDevice(memoryDeviceStore());
  const calls: { path: string; claims: AssertionClaims; invitation?: string; idToken?: string }[] = [];
  const purposes: Record<string, 'sign-up' | 'sign-in' | 'renew'> = {
    '/v1/accounts': 'sign-up',
    '/v1/sessions': 'sign-in',
    '/v1/sessions/renew': 'renew',
  };
  const http: Http = async ({ path, body }: Call, check) => {
    const { assertion, ...brought } = body as { assertion: string; invitation?: string; idToken?: string };
    const options = { audience: EDGE, purpose: purposes[path] ?? 'renew', nowMs: clock.now() };
    const claims = await verifyAssertion(assertion, device.publicKey, options);
    calls.push({ path, claims, ...brought });
    const answered = answer(path, claims, calls.length);
    if (answered instanceof Failure) throw answered;
    if (!check(answered)) throw new Error('The test answers nonsense');
    return answered;
  };
  return { ports: { http, clock, device, audience: EDGE }, calls, clock };
}

const signedIn = (n: number) => ({
  sessionId: tagOf('session'),
  accessToken: `token-${n}`,
  accessExpiresInMs: 300_000,
});

describe('session', ({ test }) => {
  test('signs up with a proof of the device key', async () => {
    const { ports, calls } = await setUp(() => ({ userId: USER }));
    assert.is(await signUp(ports), USER);
    assert.is(calls[0]?.claims.sub, '');
    assert.is(calls[0]?.invitation, undefined);
    await signUp({ ...ports, invitation: 'a.b.c' });
    assert.is(calls[1]?.invitation, 'a.b.c');
    await signUp({ ...ports, idToken: async (nonce) => `for ${nonce}` });
    assert.is(calls[2]?.idToken, `for ${ports.device.deviceId}`);
  });

  test('goes on with the session of an earlier process, and signs in when that is over', async () => {
    const { ports, calls } = await setUp((path, _claims, n) =>
      path.endsWith('renew') && n > 2 ? new Failure('session_ended') : signedIn(n),
    );
    let held: string | undefined;
    const sessions = {
      load: async () => held,
      save: async (id: string) => {
        held = id;
      },
    };
    await new Session(USER, { ...ports, sessions }).token();
    assert.is(held, tagOf('session'));
    await new Session(USER, { ...ports, sessions }).token();
    await new Session(USER, { ...ports, sessions }).token();
    assert.equal(
      calls.map(({ path }) => path),
      ['/v1/sessions', '/v1/sessions/renew', '/v1/sessions/renew', '/v1/sessions'],
    );
    assert.is(calls[1]?.claims.sid, tagOf('session'));
  });

  test('signs in once for all who ask at the same time, and keeps the token', async () => {
    const { ports, calls } = await setUp((_path, _claims, n) => signedIn(n));
    const session = new Session(USER, ports);
    assert.equal(await Promise.all([session.token(), session.token()]), ['token-1', 'token-1']);
    assert.is(await session.token(), 'token-1');
    assert.is(calls.length, 1);
    assert.is(calls[0]?.claims.sub, USER);
  });

  test('renews the same session when 80 % of the life have passed, and not before', async () => {
    const { ports, calls, clock } = await setUp((_path, _claims, n) => signedIn(n));
    const session = new Session(USER, ports);
    await session.token();
    await clock.advance(239_999);
    assert.is(await session.token(), 'token-1');
    await clock.advance(1);
    assert.is(await session.token(), 'token-2');
    assert.is(calls[1]?.path, '/v1/sessions/renew');
    assert.is(calls[1]?.claims.sid, tagOf('session'));
  });

  test('never uses an assertion twice', async () => {
    const { ports, calls, clock } = await setUp((_path, _claims, n) => signedIn(n));
    const session = new Session(USER, ports);
    for (let i = 0; i < 3; i += 1) {
      await session.token();
      await clock.advance(300_000);
    }
    assert.is(new Set(calls.map(({ claims }) => claims.jti)).size, 3);
  });

  test('signs in again when the session has ended meanwhile', async () => {
    const { ports, calls, clock } = await setUp((path, _claims, n) =>
      path === '/v1/sessions/renew' ? new Failure('session_ended') : signedIn(n),
    );
    const session = new Session(USER, ports);
    await session.token();
    await clock.advance(300_000);
    assert.is(await session.token(), 'token-3');
    assert.equal(
      calls.map(({ path }) => path),
      ['/v1/sessions', '/v1/sessions/renew', '/v1/sessions'],
    );
  });

  test('renews a token that the edge no longer takes', async () => {
    const { ports } = await setUp((_path, _claims, n) => signedIn(n));
    const session = new Session(USER, ports);
    session.refuse(await session.token());
    session.refuse('another');
    assert.is(await session.token(), 'token-2');
    assert.is(await session.token(), 'token-2');
  });

  test('throws what signing in fails with, and tries anew when asked again', async () => {
    const { ports } = await setUp((_path, _claims, n) =>
      n === 1 ? new Failure('unavailable') : signedIn(n),
    );
    const session = new Session(USER, ports);
    await rejectsWith(session.token(), 'unavailable');
    assert.is(await session.token(), 'token-2');
  });
});
