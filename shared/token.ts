/**
 * The kinds of token; with jwe.ts, jws.ts and key-log.ts the only file that imports jose. Ours are Ed25519-signed JWTs; `typ` and `aud` differ
 * by kind, so that one kind can never stand in for another (RFC 8725 §3.11, §3.12). Verification always names the
 * algorithms, the type, the issuer, the audience and the required claims, and takes keys only from the caller: `jku`,
 * `jwk` and `x5u` headers are never followed.
 *
 * | kind | made by | read by | life | carries |
 * |---|---|---|---|---|
 * | access | edge | edge | 5 min | user, device, session ids |
 * | ticket | edge | origin | 30 s, one redemption | session, device and mailbox tags |
 * | grants | edge | origin | 10 min | for each channel: member tag, verbs, generation; bound to a session tag |
 * | mailboxes | edge | origin | 10 min | mailbox tags and a sender tag; bound to a session tag |
 * | invitation | edge | edge | 7 d, counted uses | how many accounts it may let in |
 * | channelInvitation | edge | edge | 30 d at most, counted uses | channel, uses, end |
 * | report | edge | moderators' clients | 30 d | what a node relayed: commitment, sender, channel, hour |
 * | internal | edge | origin's internal API | 30 s | method, path, body hash |
 * | assertion | a device | edge | `iat` within 60 s, one use | user id, purpose |
 */
import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  importJWK,
  type JWK,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
  SignJWT,
} from 'jose';
import { Failure } from './failure.ts';
import type { Tag } from './frame.ts';

export type { JWK };

/** Public half of the edge's signing keys, as served at `/.well-known/jwks.json`. */
export interface PublicKeys {
  readonly keys: readonly JWK[];
}

/** What a member may do in a channel. */
export type Verb = 'subscribe' | 'publish' | 'presence';

export interface AccessClaims {
  readonly sub: string;
  readonly device: string;
  readonly sid: string;
  /** `fresh`: a second factor was shown for this very token. `enrol`: its bearer may only set one up. */
  readonly factor?: 'fresh' | 'enrol';
}
export interface TicketClaims {
  readonly jti: string;
  readonly session: Tag;
  readonly device: Tag;
  readonly mailbox: Tag;
  /** The account, by the tag that changes daily: whom limits count. Tickets of an older edge have none. */
  readonly sender?: Tag;
}
export interface Grant {
  readonly channel: Tag;
  readonly member: Tag;
  readonly verbs: readonly Verb[];
  readonly generation: number;
  /** Names this membership in this generation: what is revoked when it ends. Grants of an older edge have none. */
  readonly right?: Tag;
}
export interface GrantsClaims {
  readonly session: Tag;
  readonly grants: readonly Grant[];
}
/** Into which mailboxes a session may put items; `sender` is a tag that changes daily. */
export interface MailboxGrantsClaims {
  readonly session: Tag;
  readonly sender: Tag;
  readonly mailboxes: readonly Tag[];
}
/** Lets so many accounts sign up; `uses` is a whole number in decimal. */
export interface InvitationClaims {
  readonly jti: string;
  readonly uses: string;
}
/** Lets so many people into `channel` until `until`, in seconds since 1970; both numbers are whole and in decimal. */
export interface ChannelInvitationClaims extends InvitationClaims {
  readonly channel: string;
  readonly until: string;
}
/** What a node relayed, in the words clients use; `hour` since 1970. For the moderators of `channel`. */
export interface ReportClaims {
  readonly jti: string;
  readonly channel: string;
  readonly message: string;
  readonly from: Tag;
  readonly commitment: string;
  readonly hour: string;
}
export interface InternalClaims {
  readonly jti: string;
  readonly method: string;
  /** Path with query, exactly as requested. */
  readonly path: string;
  /** base64url SHA-256 of the body; of nothing when there is none. */
  readonly bodyHash: string;
}
/** What a device key may be asked to sign for. */
export type Purpose = 'sign-up' | 'sign-in' | 'renew' | 'add-device' | 'approve-device' | 'recover';
export interface AssertionClaims {
  readonly jti: string;
  readonly purpose: Purpose;
  /** User id; empty only for `sign-up`, where there is none yet. */
  readonly sub: string;
  /** Session id; only for `renew`. */
  readonly sid?: string;
  /** Id of the device to be added; only for `approve-device`. */
  readonly device?: string;
}

interface Kinds {
  access: AccessClaims;
  ticket: TicketClaims;
  grants: GrantsClaims;
  mailboxes: MailboxGrantsClaims;
  invitation: InvitationClaims;
  channelInvitation: ChannelInvitationClaims;
  report: ReportClaims;
  internal: InternalClaims;
}
export type Kind = keyof Kinds;

interface KindRow {
  readonly typ: string;
  readonly audience: string;
  readonly lifeSeconds: number;
  readonly required: readonly string[];
}

/** Life, audience and required claims of each kind we sign. */
export const TOKEN_KINDS: Readonly<Record<Kind, KindRow>> = Object.freeze({
  access: {
    typ: 'at+jwt',
    audience: 'hushwire-edge',
    lifeSeconds: 300,
    required: ['sub', 'device', 'sid', 'jti'],
  },
  ticket: {
    typ: 'hushwire-ticket+jwt',
    audience: 'hushwire-origin',
    lifeSeconds: 30,
    required: ['jti', 'session', 'device', 'mailbox'],
  },
  grants: {
    typ: 'hushwire-grants+jwt',
    audience: 'hushwire-origin',
    lifeSeconds: 600,
    required: ['session', 'grants'],
  },
  mailboxes: {
    typ: 'hushwire-mailboxes+jwt',
    audience: 'hushwire-origin',
    lifeSeconds: 600,
    required: ['session', 'sender', 'mailboxes'],
  },
  invitation: {
    typ: 'hushwire-invitation+jwt',
    audience: 'hushwire-sign-up',
    lifeSeconds: 7 * 86_400,
    required: ['jti', 'uses'],
  },
  channelInvitation: {
    typ: 'hushwire-channel-invitation+jwt',
    audience: 'hushwire-join',
    lifeSeconds: 30 * 86_400,
    required: ['jti', 'channel', 'uses', 'until'],
  },
  report: {
    typ: 'hushwire-report+jwt',
    audience: 'hushwire-moderators',
    lifeSeconds: 30 * 86_400,
    required: ['jti', 'channel', 'message', 'from', 'commitment', 'hour'],
  },
  internal: {
    typ: 'hushwire-internal+jwt',
    audience: 'hushwire-internal',
    lifeSeconds: 30,
    required: ['jti', 'method', 'path', 'bodyHash'],
  },
});

/** Largest difference between a device's clock and ours, either way. */
export const ASSERTION_SKEW_SECONDS = 60;
/** Clock difference between our own machines. */
const CLOCK_TOLERANCE_SECONDS = 5;
const ASSERTION_TYP = 'hushwire-assertion+jwt';
const ASSERTION_ALGORITHMS = ['ES256', 'Ed25519'];
const OUR_ALGORITHMS = ['Ed25519'];

/** Signs tokens of one issuer with the first of its keys. */
export interface Signer {
  sign<K extends Kind>(kind: K, claims: Kinds[K], nowMs: number): Promise<string>;
  /** The public halves, every key of the ring. */
  readonly publicKeys: PublicKeys;
}

/** A signer over private Ed25519 JWKs that each have a `kid`; the first one signs, all are published. */
export async function createSigner(issuer: string, privateKeys: readonly JWK[]): Promise<Signer> {
  const [current] = privateKeys;
  if (current?.kid === undefined) throw new TypeError('Cannot sign: no private key with a kid');
  const key = await importJWK(current, 'Ed25519');
  const header = { alg: 'Ed25519', kid: current.kid };
  return {
    publicKeys: { keys: privateKeys.map(publicHalf) },
    sign: (kind, claims, nowMs) => {
      const { typ, audience, lifeSeconds } = TOKEN_KINDS[kind];
      const now = Math.floor(nowMs / 1000);
      const jti = 'jti' in claims ? claims.jti : crypto.randomUUID();
      return new SignJWT({ ...claims, jti } as unknown as JWTPayload)
        .setProtectedHeader({ ...header, typ })
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt(now)
        .setExpirationTime(now + lifeSeconds)
        .sign(key);
    },
  };
}

/** A token that verified: its claims and the end of its life. */
export type Verified<K extends Kind> = Kinds[K] & { readonly expiresAtMs: number };

/** Why a token was refused: out of its time, or anything else. */
export type TokenFault = 'expired' | 'refused';

/** Verifies tokens of one issuer; answers a fault instead of throwing, since a bad token is an expected outcome. */
export interface Verifier {
  verify<K extends Kind>(kind: K, token: string, nowMs: number): Promise<Verified<K> | TokenFault>;
}

/** A verifier over the issuer's public keys; keys are chosen by `kid`. */
export function createVerifier(issuer: string, publicKeys: PublicKeys): Verifier {
  const keySet = createLocalJWKSet({ keys: [...publicKeys.keys] });
  return {
    verify: async (kind, token, nowMs) => {
      const { typ, audience, lifeSeconds, required } = TOKEN_KINDS[kind];
      const options: JWTVerifyOptions = {
        algorithms: OUR_ALGORITHMS,
        typ,
        issuer,
        audience,
        requiredClaims: [...required, 'exp', 'iat'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        // Also refuses an `iat` in the future: a token signed by a fast clock would outlive its one-time mark.
        maxTokenAge: lifeSeconds,
        currentDate: new Date(nowMs),
      };
      try {
        const { payload } = await jwtVerify(token, keySet, options);
        if (!hasShape(kind, payload)) return 'refused';
        return { ...(payload as unknown as Kinds[typeof kind]), expiresAtMs: (payload.exp ?? 0) * 1000 };
      } catch (error) {
        return isExpiry(error) ? 'expired' : 'refused';
      }
    },
  };
}

/** RFC 7638 thumbprint of a public key: the device id, and the `kid` of its assertions. */
export function thumbprint(publicKey: JWK): Promise<string> {
  return calculateJwkThumbprint(publicKey, 'sha256');
}

/** Signs an assertion with a device's private key; `audience` is the edge's URL. */
export function signAssertion(
  key: CryptoKey,
  claims: AssertionClaims,
  options: { audience: string; kid: string; nowMs: number },
): Promise<string> {
  const alg = key.algorithm.name === 'ECDSA' ? 'ES256' : 'Ed25519';
  return new SignJWT({ ...claims } as unknown as JWTPayload)
    .setProtectedHeader({ alg, typ: ASSERTION_TYP, kid: options.kid })
    .setAudience(options.audience)
    .setIssuedAt(Math.floor(options.nowMs / 1000))
    .sign(key);
}

/**
 * Verifies an assertion against one device's public key. Throws `credentials_refused` for every fault, so that the
 * reason tells nothing. That the `jti` was not used before is the caller's to check.
 */
export async function verifyAssertion(
  token: string,
  publicKey: JWK,
  options: { audience: string; purpose: Purpose; nowMs: number },
): Promise<AssertionClaims> {
  try {
    const alg = publicKey.kty === 'EC' ? 'ES256' : 'Ed25519';
    const { payload } = await jwtVerify(token, await importJWK(publicKey, alg), {
      algorithms: [alg],
      typ: ASSERTION_TYP,
      audience: options.audience,
      requiredClaims: ['jti', 'iat', 'purpose', 'sub'],
      clockTolerance: ASSERTION_SKEW_SECONDS,
      maxTokenAge: 0,
      currentDate: new Date(options.nowMs),
    });
    const claims = payload as unknown as AssertionClaims;
    if (claims.purpose !== options.purpose || !isShortText(claims.jti) || typeof claims.sub !== 'string')
      throw new TypeError('Assertion has other claims');
    return claims;
  } catch (cause) {
    throw new Failure('credentials_refused', { cause });
  }
}

/** Algorithms a device key may have. */
export function isDeviceAlgorithm(alg: string): boolean {
  return ASSERTION_ALGORITHMS.includes(alg);
}

/** Names what is published, so that neither a private member nor `key_ops` of the private half can come along. */
function publicHalf({ kty, crv, x, kid }: JWK): JWK {
  return { kty, crv, x, kid, use: 'sig', alg: 'Ed25519' } as JWK; // createSigner has imported it: all four are there.
}

function isExpiry(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === 'ERR_JWT_EXPIRED';
}

function isShortText(value: unknown): value is string {
  return typeof value === 'string' && value.length >= 1 && value.length <= 64;
}

function hasShape(kind: Kind, payload: JWTPayload): boolean {
  if (payload.sender !== undefined && typeof payload.sender !== 'string') return false;
  const lists = LIST_CLAIMS[kind] ?? {};
  return TOKEN_KINDS[kind].required.every((name) => {
    const value = payload[name];
    const isItem = lists[name];
    return isItem === undefined ? typeof value === 'string' : Array.isArray(value) && value.every(isItem);
  });
}

/** Claims that are lists, and what they list; all others are texts. */
const LIST_CLAIMS: Partial<Record<Kind, Readonly<Record<string, (item: unknown) => boolean>>>> = {
  grants: { grants: isGrant },
  mailboxes: { mailboxes: (item) => typeof item === 'string' },
};

function isGrant(value: unknown): value is Grant {
  if (typeof value !== 'object' || value === null) return false;
  const { channel, member, verbs, generation, right } = value as Record<string, unknown>;
  return (
    typeof channel === 'string' &&
    typeof member === 'string' &&
    Array.isArray(verbs) &&
    (right === undefined || typeof right === 'string') &&
    Number.isSafeInteger(generation)
  );
}
