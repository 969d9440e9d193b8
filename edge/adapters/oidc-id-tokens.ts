/**
 * ID tokens of one issuer (OpenID Connect Core 1.0, section 3.1.3.7). The issuer is asked where its keys are once
 * (Discovery 1.0, section 4), and for its keys when a token names one that is not known: at most every 30 s, so that made-up
 * key ids cannot make us flood it, and after 10 min at the latest, so that a key it took back is forgotten.
 */
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { Failure } from '../../shared/failure.ts';
import type { IdTokens, Subject } from '../ports.ts';

export interface IdTokensOptions {
  /** Exactly as its tokens name it. */
  readonly issuer: string;
  readonly clientId: string;
}

/** All asymmetric: a client's secret must never be able to vouch for somebody (RFC 8725, section 3.1). */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'Ed25519'];
const TIMEOUT_MS = 2_000;
const COOLDOWN_MS = 30_000;
const KEYS_MAX_AGE_MS = 600_000;
/** Between the issuer's clock and ours, either way. */
const SKEW_SECONDS = 60;
/** Time from signing in there to signing up here. */
const MAX_AGE_SECONDS = 600;
/** Keys and addresses take a few kilobytes; whatever is bigger is none of that. */
const ANSWER_BYTES_MAX = 256 * 1024;

export function createIdTokens({ issuer, clientId }: IdTokensOptions): IdTokens {
  let known: JWTVerifyGetKey | undefined;
  const keys: JWTVerifyGetKey = async (header, token) => {
    if (known === undefined) {
      const url = await findKeys(issuer);
      // Whoever asked at the same time may have found them first: all must share one memory of what was asked when.
      known ??= createRemoteJWKSet(url, {
        timeoutDuration: TIMEOUT_MS,
        cooldownDuration: COOLDOWN_MS,
        cacheMaxAge: KEYS_MAX_AGE_MS,
        [customFetch]: fetchSmall,
      });
    }
    return known(header, token);
  };
  return {
    verify: async (token, { nonce, nowMs }) => {
      try {
        const { payload } = await jwtVerify(token, keys, {
          issuer,
          audience: clientId,
          algorithms: ALGORITHMS,
          clockTolerance: SKEW_SECONDS,
          maxTokenAge: MAX_AGE_SECONDS,
          currentDate: new Date(nowMs),
          requiredClaims: ['sub', 'iat', 'exp', 'nonce'],
        });
        return isForUs(payload, { clientId, nonce }) ? subjectOf(issuer, payload.sub) : 'refused';
      } catch (error) {
        if (isRefusal(error)) return 'refused';
        throw new Failure('unavailable', { cause: error, detail: 'The issuer of ID tokens cannot be asked' });
      }
    },
  };
}

/** A token for several clients names the one it was made for (section 3.1.3.7, steps 3 to 5). */
function isForUs(
  { aud, azp, nonce: own }: { readonly aud?: unknown; readonly azp?: unknown; readonly nonce?: unknown },
  { clientId, nonce }: { readonly clientId: string; readonly nonce: string },
): boolean {
  const isForSeveral = Array.isArray(aud) && aud.length > 1;
  return own === nonce && (azp === undefined ? !isForSeveral : azp === clientId);
}

function subjectOf(issuer: string, sub: unknown): Subject | 'refused' {
  // Section 2: at most 255 ASCII characters.
  if (typeof sub !== 'string' || sub === '' || sub.length > 255) return 'refused';
  return { issuer, subject: sub };
}

async function findKeys(issuer: string): Promise<URL> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const answer = await fetchSmall(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (answer.status !== 200) throw new Error(`The issuer answered ${answer.status}`);
  const { issuer: named, jwks_uri: keys } = (await answer.json()) as Record<string, unknown>;
  // Discovery 1.0, section 4.3: another issuer's document must not serve for this one.
  if (named !== issuer) throw new Error('The issuer names itself otherwise than the configuration');
  if (typeof keys !== 'string') throw new Error('The issuer names no keys');
  const found = new URL(keys);
  if (found.protocol !== new URL(issuer).protocol) throw new Error('The keys of the issuer are elsewhere');
  return found;
}

async function fetchSmall(url: string, options: RequestInit): Promise<Response> {
  const answer = await fetch(url, options);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > ANSWER_BYTES_MAX) throw new Error('The issuer answered too much');
    chunks.push(new Uint8Array(chunk));
  }
  return new Response(new Blob(chunks), { status: answer.status });
}

/** The token is to blame, not the way to its issuer. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof errors.JOSEError &&
    !(error instanceof errors.JWKSTimeout) &&
    !(error instanceof errors.JWKSInvalid) &&
    error.code !== 'ERR_JOSE_GENERIC'
  );
}
