/** Who may call the internal API: the bearer of a token that the edge signed for exactly this request. */
import { toBase64Url } from '../../shared/bytes.ts';
import { Failure } from '../../shared/failure.ts';
import { LIMITS } from '../../shared/limits.ts';
import type { Verifier } from '../../shared/token.ts';
import type { HttpRequest } from '../http.ts';
import type { CallMark } from '../ports.ts';

const JTI = /^[A-Za-z0-9_-]{16,64}$/;

/**
 * Verifies the `internal` token of a request: signature, type, audience, its 30 s, and that it was made for this method,
 * path and body. Resolves with its one-time mark, which a write must redeem. Throws `token_refused` for every fault.
 */
export async function authorise(request: HttpRequest, verifier: Verifier, nowMs: number): Promise<CallMark> {
  const token = /^Bearer ([A-Za-z0-9._-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined || token.length > LIMITS.tokenChars) throw refused('A bearer token is required');
  const claims = await verifier.verify('internal', token, nowMs);
  if (claims === 'expired') throw refused('The token has expired');
  if (claims === 'refused') throw refused('The token is not valid');
  const isForThis =
    claims.method === request.method &&
    claims.path === request.path &&
    claims.bodyHash === (await hash(request.body));
  if (!isForThis) throw refused('The token was made for another request');
  if (!JTI.test(claims.jti)) throw refused('The token is not valid');
  return { jti: claims.jti, expiresAtMs: claims.expiresAtMs };
}

async function hash(body: HttpRequest['body']): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', body)));
}

function refused(detail: string): Failure {
  return new Failure('token_refused', { detail });
}
