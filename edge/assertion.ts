import { fromBase64Url, fromUtf8 } from '../shared/bytes.ts';

/** What an assertion says of itself, before anything is verified: enough to look up the key that must verify it. */
export interface Presented {
  readonly algorithm: 'ES256' | 'Ed25519';
  readonly deviceId: string;
  readonly userId: string;
  readonly jti: string;
  readonly sessionId: string | undefined;
  /** The device it approves. */
  readonly approves: string | undefined;
}

const JTI_CHARS_MAX = 64;
const ID = /^[A-Za-z0-9_-]{22}$/;
const DEVICE_ID = /^[A-Za-z0-9_-]{43}$/;

/** Reads an unverified assertion; undefined when it cannot be one. Nothing it says may be believed yet. */
export function peekAssertion(assertion: string): Presented | undefined {
  const [head = '', body = ''] = assertion.split('.');
  const header = decode(head);
  const claims = decode(body);
  if (header === undefined || claims === undefined) return undefined;
  const { alg, kid } = header;
  const { sub, jti, sid, device } = claims;
  if (alg !== 'ES256' && alg !== 'Ed25519') return undefined;
  if (typeof kid !== 'string' || !DEVICE_ID.test(kid)) return undefined;
  if (typeof sub !== 'string' || !(sub === '' || ID.test(sub))) return undefined;
  if (typeof jti !== 'string' || jti.length === 0 || jti.length > JTI_CHARS_MAX) return undefined;
  if (sid !== undefined && (typeof sid !== 'string' || !ID.test(sid))) return undefined;
  if (device !== undefined && (typeof device !== 'string' || !DEVICE_ID.test(device))) return undefined;
  return { algorithm: alg, deviceId: kid, userId: sub, jti, sessionId: sid, approves: device };
}

function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(fromUtf8(fromBase64Url(part)));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // Whoever sent it is told `credentials_refused`, as for every other fault.
  }
}
