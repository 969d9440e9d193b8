/**
 * Time-based one-time passwords (RFC 6238) as authenticator apps have them: SHA-1, 6 digits, 30 s, a secret of 160 bit.
 * The library does the arithmetic; this file fixes the parameters and the window. Pure: the clock comes in.
 */
import { generateSecret, generateURI, verifySync } from 'otplib';

/** RFC 4226 §4 R6 recommends 160 bit: the length of a SHA-1 digest. */
const SECRET_BYTES = 20;
export const STEP_MS = 30_000;
/** How far into a step the code of the one before is still accepted: time to type it (RFC 6238 §5.2). */
const LATE_SECONDS = 15;

/** A fresh secret: 32 base32 characters, without padding. */
export function createSecret(): string {
  return generateSecret({ length: SECRET_BYTES });
}

/** The `otpauth://` URI that authenticator apps read, usually as a QR code. */
export function uriOf(secret: string, { issuer, label }: { issuer: string; label: string }): string {
  return generateURI({ secret, issuer, label });
}

/**
 * The step `code` belongs to, counted from 1970: the current one, or the one before during the first 15 s of this one.
 * Undefined when it is the code of neither. `code` must have the right number of digits.
 */
export function stepOf(code: string, { secret, nowMs, digits = 6 }: StepOptions): number | undefined {
  const epoch = Math.floor(nowMs / 1_000);
  const result = verifySync({ secret, token: code, epoch, digits, epochTolerance: [LATE_SECONDS, 0] });
  return result.valid && 'timeStep' in result ? result.timeStep : undefined;
}

export interface StepOptions {
  /** Base32, or the bytes themselves. */
  readonly secret: string | Uint8Array;
  readonly nowMs: number;
  /** RFC 6238's own vectors have 8. */
  readonly digits?: 6 | 8;
}
