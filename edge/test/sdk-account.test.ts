import { decodeQR } from 'qr/decode.js';
import { encode } from 'uqr';
import * as assert from 'uvu/assert';
import { Account } from '../../shared/client/account.ts';
import { systemClock } from '../../shared/client/clock.ts';
import { type DeviceStore, memoryDeviceStore } from '../../shared/client/device.ts';
import type { ClientOptions } from '../../shared/client/options.ts';
import { type SignedInDevice, signIn } from '../../shared/client/sign-in.ts';
import type { Failure } from '../../shared/failure.ts';
import { rejectsWith } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { codeAt } from './authenticator.ts';
import { PUBLIC_URL } from './harness.ts';
import { type RealStores, startRealStores } from './real-stores.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

describe('The account of the SDK over real stores', ({ test, needs, before, after }) => {
  needs('redis-server');
  let stores: RealStores;
  before(async () => {
    stores = await startRealStores();
  });
  after(() => stores.stop());

  interface Signed extends SignedInDevice {
    readonly account: Account;
    readonly store: DeviceStore;
    readonly isClosed: () => boolean;
  }
  const open = async (options: Partial<ClientOptions> = {}): Promise<Signed> => {
    const { store = memoryDeviceStore() } = options;
    const clock = { ...systemClock, now: stores.now };
    const ports = { edge: PUBLIC_URL, fetch: stores.fetch, clock, backoff: { baseMs: 1, capMs: 2 } };
    const device = await signIn({ ...ports, ...options, store }, new AbortController().signal);
    let isClosed = false;
    const close = () => {
      isClosed = true;
    };
    const account = new Account({ ...device, retrying: (attempt) => attempt(), close });
    return { ...device, account, store, isClosed: () => isClosed };
  };
  /** With a second factor; the clock stands two steps later, so the next code is fresh. */
  const enrolled = async () => {
    const owner = await open();
    const { secret } = await owner.account.totp.enrol();
    const recoveryCodes = await owner.account.totp.confirm(codeAt(secret, stores.now()));
    stores.advance(MINUTE_MS);
    return { ...owner, secret, recoveryCodes };
  };
  const code = (secret: string) => ({ totp: codeAt(secret, stores.now()) });

  test('renews silently before the access token ends, as the same session', async () => {
    const { account, session } = await open();
    const first = await session.token();
    const [before] = await account.sessions();
    stores.advance(4 * MINUTE_MS + 1_000);
    assert.is.not(await session.token(), first);
    stores.advance(2 * DAY_MS);
    const [renewed] = await account.sessions();
    assert.is(renewed?.sessionId, before?.sessionId);
    assert.is.not(renewed?.renewedOn, before?.renewedOn);
  });

  test('lists sessions and devices, and ends one, the others, its own', async () => {
    const here = await open();
    const there = await open({ store: here.store });
    const sessions = await here.account.sessions();
    assert.is(sessions.length, 2);
    assert.equal(await here.account.devices(), [{ deviceId: here.device.deviceId, isCurrent: true }]);
    const other = sessions.find(({ isCurrent }) => !isCurrent);
    await here.account.endSession(other?.sessionId ?? '');
    assert.is((await here.account.sessions()).length, 1);
    await rejectsWith(here.account.endSession('AAAAAAAAAAAAAAAAAAAAAA'), 'not_found');
    // A session that has ended is opened anew by whoever still has the device.
    assert.is((await there.account.sessions()).length, 2);
    await here.account.signOutOthers();
    assert.is((await here.account.sessions()).length, 1);
    await here.account.signOut();
    assert.ok(here.isClosed());
    assert.is((await there.account.sessions()).length, 1);
  });

  test('signs out when an answer was lost, without opening a session for it', async () => {
    let isLost = true;
    let signIns = 0;
    const lossy: typeof fetch = async (input, init) => {
      const response = await stores.fetch(input, init);
      if (String(input).endsWith('/v1/sessions') && init?.method === 'POST') signIns += 1;
      if (!String(input).endsWith('/current') || !isLost) return response;
      isLost = false;
      throw new TypeError('The network is away');
    };
    const owner = await open({ fetch: lossy });
    await rejectsWith(owner.account.signOut(), 'unavailable');
    assert.not.ok(owner.isClosed());
    await owner.account.signOut();
    assert.ok(owner.isClosed());
    assert.is(signIns, 1);
  });

  test('signs out everywhere', async () => {
    const here = await open();
    const there = await open({ store: here.store });
    const token = await there.session.token();
    await here.account.signOutEverywhere();
    assert.ok(here.isClosed());
    const { json } = await stores.client.call('/v1/sessions', { method: 'GET', token });
    assert.is(json.code, 'session_ended');
  });

  test('deletes the account, so that its device is nobody any more', async () => {
    const owner = await open();
    await owner.account.delete();
    assert.ok(owner.isClosed());
    await rejectsWith(open({ store: owner.store }), 'credentials_refused');
  });

  test('draws the enrolment as a QR code that a real decoder reads back', async () => {
    const { uri } = await (await open()).account.totp.enrol();
    assert.is(decodeQR(bitmapOf(uri)), uri);
    assert.match(uri, /^otpauth:\/\/totp\/.+secret=[A-Z2-7]{32}/);
  });

  test('asks the person for the second factor, again after a wrong one, and signs in', async () => {
    const { store, secret } = await enrolled();
    const asked: Failure[] = [];
    const secondFactor = async (why: Failure) => {
      asked.push(why);
      return asked.length === 1 ? { recoveryCode: 'AAAAA-AAAAA-AAAAA-AAAAA-AAAAA' } : code(secret);
    };
    const again = await open({ store, secondFactor });
    assert.equal(
      asked.map((failure) => failure.code),
      ['second_factor_required', 'second_factor_refused'],
    );
    assert.is((await again.account.sessions()).length, 2);
  });

  test('throws what was asked for when the person gives up, or nobody asks', async () => {
    const { store } = await enrolled();
    await rejectsWith(open({ store, secondFactor: async () => undefined }), 'second_factor_required');
    await rejectsWith(open({ store }), 'second_factor_required');
  });

  test('tells at once that the second factor is locked, and for how long', async () => {
    const { store } = await enrolled();
    const secondFactor = async () => ({ recoveryCode: 'AAAAA-AAAAA-AAAAA-AAAAA-AAAAA' });
    const failure = await open({ store, secondFactor }).catch((error: Failure) => error);
    assert.is('code' in failure && failure.code, 'second_factor_locked');
    assert.is('retry' in failure && failure.retry, 'backoff');
    assert.ok('retryAfterMs' in failure && (failure.retryAfterMs ?? 0) > 14 * MINUTE_MS);
  });

  test('replaces the second factor after a step-up only, and takes the new codes from then on', async () => {
    const owner = await enrolled();
    const { totp } = owner.account;
    await rejectsWith(totp.enrol(), 'step_up_required');
    await rejectsWith(
      totp.stepUp({ recoveryCode: 'AAAAA-AAAAA-AAAAA-AAAAA-AAAAA' }),
      'second_factor_refused',
    );
    await totp.stepUp(code(owner.secret));
    const { secret } = await totp.enrol();
    const codes = await totp.confirm(codeAt(secret, stores.now()));
    assert.is(codes.length, 10);
    const [old = ''] = owner.recoveryCodes;
    await rejectsWith(totp.stepUp({ recoveryCode: old }), 'second_factor_refused');
    stores.advance(MINUTE_MS);
    await totp.stepUp(code(secret));
  });

  test('disables the second factor after a step-up, and signs in without', async () => {
    const { account, store, secret } = await enrolled();
    await rejectsWith(account.totp.disable(), 'step_up_required');
    await account.totp.stepUp(code(secret));
    await account.totp.disable();
    await account.totp.disable();
    await open({ store });
    await rejectsWith(account.totp.stepUp(code(secret)), 'conflict');
  });
});

/** The QR code of a text as a camera would see it: each module four pixels wide. */
function bitmapOf(text: string): { width: number; height: number; data: Uint8Array } {
  const { size, data: modules } = encode(text, { ecc: 'M', border: 4 });
  const scale = 4;
  const width = size * scale;
  const data = new Uint8Array(width * width * 3).fill(255);
  for (let y = 0; y < width; y += 1)
    for (let x = 0; x < width; x += 1)
      if (modules[Math.floor(y / scale)]?.[Math.floor(x / scale)] === true)
        data.fill(0, (y * width + x) * 3, (y * width + x) * 3 + 3);
  return { width, height: width, data };
}
