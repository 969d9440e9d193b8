import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { createSigner, TOKEN_KINDS } from '../../shared/token.ts';
import { enrol } from './authenticator.ts';
import type { SignedIn } from './client.ts';
import { createDevice, type Device } from './device.ts';
import { createHarness, type Harness, PUBLIC_URL, signingKey } from './harness.ts';

describe('signing up by invitation', ({ test, beforeEach }) => {
  let edge: Harness;
  let operator: SignedIn;
  beforeEach(async () => {
    const device = await createDevice();
    edge = await createHarness({
      HUSHWIRE_EDGE_SIGN_UP: 'invite',
      HUSHWIRE_EDGE_OPERATORS: device.deviceId,
    });
    const { json } = await signUp(device);
    operator = await edge.client.signIn({ device, userId: json.userId });
    edge.trips.reset();
  });

  test('the policy lets an operator in, and nobody else without an invitation', async () => {
    const { status, json } = await signUp(await createDevice());
    assert.is(status, 403);
    assert.is(json.code, 'invitation_required');
    assert.is(edge.origin.accounts.size, 1);
    assert.equal(edge.trips.calls, ['state.redeem']);
  });

  test('an operator makes invitations in one trip, and signing up takes two', async () => {
    const { json } = await invite(operator, 1);
    assert.is(json.expiresInMs, TOKEN_KINDS.invitation.lifeSeconds * 1_000);
    assert.equal(edge.trips.calls, ['origin.read']);
    edge.trips.reset();
    assert.is((await signUp(await createDevice(), json.invitation)).status, 201);
    assert.equal(edge.trips.calls, ['state.redeem', 'origin.createAccount']);
  });

  test('lets in as many as it says, and the same device again', async () => {
    const { invitation } = (await invite(operator, 2)).json;
    const devices = await Promise.all(Array.from({ length: 5 }, () => createDevice()));
    const answers = await Promise.all(devices.map((device) => signUp(device, invitation)));
    const inside = devices.filter((_, i) => answers[i]?.status === 201);
    assert.is(inside.length, 2);
    assert.is(answers.filter(({ json }) => json.code === 'invitation_refused').length, 3);
    for (const device of inside) assert.is((await signUp(device, invitation)).status, 201);
  });

  test('is refused when it has expired', async () => {
    const { invitation } = (await invite(operator, 1)).json;
    edge.clock.advance(TOKEN_KINDS.invitation.lifeSeconds * 1_000 + 60_000);
    const { status, json } = await signUp(await createDevice(), invitation);
    assert.equal([status, json.code], [403, 'invitation_refused']);
  });

  test('is refused when another key signed it, it is another kind of token, or its uses make no sense', async () => {
    const now = edge.clock.now();
    const stranger = await createSigner(PUBLIC_URL, [await signingKey('k1')]);
    const own = await createSigner(PUBLIC_URL, edge.config.signingKeys.reveal());
    const elsewhere = await createSigner('https://other.example', edge.config.signingKeys.reveal());
    const of = (uses: string) => ({ jti: 'abcdefgh', uses });
    const bad = await Promise.all([
      stranger.sign('invitation', of('1'), now),
      elsewhere.sign('invitation', of('1'), now),
      ...['0', '-1', '1.5', '1001', 'x', ''].map((uses) => own.sign('invitation', of(uses), now)),
    ]);
    for (const invitation of [...bad, operator.token]) {
      const { status, json } = await signUp(await createDevice(), invitation);
      assert.equal([status, json.code], [403, 'invitation_refused']);
    }
    assert.is((await signUp(await createDevice(), await own.sign('invitation', of('1'), now))).status, 201);
    assert.is((await signUp(await createDevice(), 'no token')).json.code, 'bad_request');
  });

  test('is stored as a tag alone', async () => {
    const { invitation } = (await invite(operator, 1)).json;
    await signUp(await createDevice(), invitation);
    const [stored = ''] = [...edge.origin.invitations.keys()];
    assert.match(stored, /^[A-Za-z0-9_-]{22}$/);
    const [, claims = ''] = invitation.split('.');
    assert.not.match(Buffer.from(claims, 'base64url').toString(), stored);
  });

  test('is made by operators alone, while their session lives', async () => {
    const { invitation } = (await invite(operator, 1)).json;
    const device = await createDevice();
    const guest = await edge.client.signIn({
      device,
      userId: (await signUp(device, invitation)).json.userId,
    });
    edge.trips.reset();
    assert.equal([(await invite(guest, 1)).status, (await invite(guest, 1)).json.code], [403, 'forbidden']);
    assert.equal(edge.trips.calls, []);
    edge.origin.sessions.clear();
    assert.is((await invite(operator, 1)).json.code, 'session_ended');
  });

  test('needs a step-up where the operator has a second factor', async () => {
    await enrol(edge.client, operator, edge.clock.now());
    assert.equal(
      [(await invite(operator, 1)).status, (await invite(operator, 1)).json.code],
      [403, 'step_up_required'],
    );
  });

  test('goes unread where anybody may sign up, and operators stay operators', async () => {
    const device = await createDevice();
    edge = await createHarness({ HUSHWIRE_EDGE_OPERATORS: device.deviceId });
    const { json } = await signUp(device, 'not.an.invitation');
    assert.is(edge.origin.invitations.size, 0);
    const signedIn = await edge.client.signIn({ device, userId: json.userId });
    assert.is((await invite(signedIn, 1)).status, 201);
  });

  test('is for a whole number of accounts within the limit', async () => {
    for (const uses of [0, 1_001, 1.5, '1', null])
      assert.is((await invite(operator, uses)).json.code, 'bad_request');
    for (const uses of [1, 1_000]) assert.is((await invite(operator, uses)).status, 201);
  });

  function signUp(device: Device, invitation?: string) {
    return edge.client
      .assertion(device, { purpose: 'sign-up' })
      .then((assertion) =>
        edge.client.call('/v1/accounts', { body: { publicKey: device.publicKey, assertion, invitation } }),
      );
  }

  function invite({ token }: SignedIn, uses: unknown) {
    return edge.client.call('/v1/invitations', { token, body: { uses } });
  }
});
