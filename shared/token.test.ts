import * as assert from 'uvu/assert';
import { createPrivateKey } from './testing/jwt.ts';
import { describe } from './testing/suite.ts';
import {
  type AccessClaims,
  type ChannelInvitationClaims,
  createSigner,
  createVerifier,
  type GrantsClaims,
  type InternalClaims,
  type InvitationClaims,
  type JWK,
  type Kind,
  type MailboxGrantsClaims,
  type ReportClaims,
  type Signer,
  type TicketClaims,
  TOKEN_KINDS,
  type Verifier,
} from './token.ts';

const ISSUER = 'https://edge.example';
const NOW_MS = 1_790_000_000_000;
const TOLERANCE_SECONDS = 5;
const tag = 'kX3vQ0aZr8mN1tYw5uBc-g';

const access: AccessClaims = { sub: tag, device: 'd', sid: 's' };
const ticket: TicketClaims = { jti: 'j', session: tag, device: tag, mailbox: tag };
const grants: GrantsClaims = {
  session: tag,
  grants: [{ channel: tag, member: tag, verbs: ['subscribe'], generation: 1 }],
};
const mailboxes: MailboxGrantsClaims = { session: tag, sender: tag, mailboxes: [tag] };
const invitation: InvitationClaims = { jti: 'j', uses: '5' };
const channelInvitation: ChannelInvitationClaims = { jti: 'j', uses: '5', channel: 'c', until: '1' };
const report: ReportClaims = { jti: 'j', channel: 'c', message: 'm', from: tag, commitment: 'x', hour: '1' };
const internal: InternalClaims = { jti: 'j', method: 'POST', path: '/x?y=1', bodyHash: 'h' };
const kinds: readonly Kind[] = [
  'access',
  'ticket',
  'grants',
  'mailboxes',
  'invitation',
  'channelInvitation',
  'report',
  'internal',
];

interface Edge {
  readonly signer: Signer;
  readonly verifier: Verifier;
  readonly privateKey: JWK;
  readonly sign: (kind: Kind, nowMs?: number) => Promise<string>;
}

async function createEdge(issuer = ISSUER, kid = 'k1'): Promise<Edge> {
  const privateKey = { ...(await createPrivateKey()), kid };
  const signer = await createSigner(issuer, [privateKey]);
  const sign = (kind: Kind, nowMs = NOW_MS) => {
    if (kind === 'access') return signer.sign(kind, access, nowMs);
    if (kind === 'ticket') return signer.sign(kind, ticket, nowMs);
    if (kind === 'invitation') return signer.sign(kind, invitation, nowMs);
    if (kind === 'channelInvitation') return signer.sign(kind, channelInvitation, nowMs);
    if (kind === 'report') return signer.sign(kind, report, nowMs);
    if (kind === 'mailboxes') return signer.sign(kind, mailboxes, nowMs);
    return kind === 'grants' ? signer.sign(kind, grants, nowMs) : signer.sign(kind, internal, nowMs);
  };
  return { signer, verifier: createVerifier(issuer, signer.publicKeys), privateKey, sign };
}

describe('our tokens', ({ test, before }) => {
  let edge: Edge;
  before(async () => {
    edge = await createEdge();
  });

  test('each kind verifies and gives back its claims and its end', async () => {
    const expected = { access, ticket, grants, mailboxes, invitation, channelInvitation, report, internal };
    for (const kind of kinds) {
      const verified = await edge.verifier.verify(kind, await edge.sign(kind), NOW_MS);
      assert.ok(typeof verified === 'object', kind);
      for (const [name, value] of Object.entries(expected[kind]))
        assert.equal((verified as object as Record<string, unknown>)[name], value, `${kind}.${name}`);
      assert.is(verified.expiresAtMs, NOW_MS + TOKEN_KINDS[kind].lifeSeconds * 1000);
    }
  });

  test('no kind stands in for another', async () => {
    for (const made of kinds)
      for (const asked of kinds)
        if (made !== asked) {
          const verdict = await edge.verifier.verify(asked, await edge.sign(made), NOW_MS);
          assert.is(verdict, 'refused', `${made} as ${asked}`);
        }
  });

  test('a life ends with the tolerance, to the second', async () => {
    for (const kind of kinds) {
      const token = await edge.sign(kind);
      const end = NOW_MS + (TOKEN_KINDS[kind].lifeSeconds + TOLERANCE_SECONDS) * 1000;
      assert.type(await edge.verifier.verify(kind, token, end - 1), 'object', kind);
      assert.is(await edge.verifier.verify(kind, token, end), 'expired', kind);
    }
  });

  test('a token of the future is refused beyond the tolerance', async () => {
    for (const kind of kinds) {
      const at = (seconds: number) => edge.sign(kind, NOW_MS + seconds * 1000);
      assert.type(await edge.verifier.verify(kind, await at(TOLERANCE_SECONDS), NOW_MS), 'object', kind);
      assert.is(await edge.verifier.verify(kind, await at(TOLERANCE_SECONDS + 1), NOW_MS), 'refused', kind);
    }
  });

  test('another issuer is refused, even with the same key', async () => {
    const other = await createSigner('https://other.example', [edge.privateKey]);
    const token = await other.sign('ticket', ticket, NOW_MS);
    assert.is(await edge.verifier.verify('ticket', token, NOW_MS), 'refused');
  });

  test('another key of the same name and an unknown key are refused', async () => {
    for (const kid of ['k1', 'k2']) {
      const token = await (await createEdge(ISSUER, kid)).sign('ticket');
      assert.is(await edge.verifier.verify('ticket', token, NOW_MS), 'refused', kid);
    }
  });

  test('the first key signs, all are published without their private half, all verify', async () => {
    const old = { ...(await createPrivateKey()), kid: 'old' };
    const signer = await createSigner(ISSUER, [edge.privateKey, old]);
    const published = (key: JWK) => {
      const { kty, crv, x, kid } = key;
      return { kty, crv, x, kid, use: 'sig', alg: 'Ed25519' };
    };
    assert.equal(signer.publicKeys.keys, [published(edge.privateKey), published(old)]);
    const verifier = createVerifier(ISSUER, signer.publicKeys);
    const rotated = await createSigner(ISSUER, [old]);
    for (const by of [signer, rotated])
      assert.type(await verifier.verify('ticket', await by.sign('ticket', ticket, NOW_MS), NOW_MS), 'object');
  });

  test('a signer without a named key cannot be made', async () => {
    const { kid: _none, ...unnamed } = edge.privateKey;
    for (const keys of [[], [unnamed]])
      assert.ok(await createSigner(ISSUER, keys).then(undefined, (error) => error instanceof TypeError));
  });
});
