import { createHmac } from 'node:crypto';
import { dayKeyInput, dayOfHour, hourOf, stampInput, writeStamp } from '../../shared/franking.ts';
import type { Stamper } from '../ports.ts';

/** A stamper over the franking secret; it keeps the key of the present day only. */
export function createStamper(secret: Uint8Array): Stamper {
  let today: { readonly day: number; readonly key: Uint8Array } | undefined;
  return (relayed, nowMs) => {
    const hour = hourOf(nowMs);
    const day = dayOfHour(hour);
    if (today?.day !== day) today = { day, key: hmac(secret, dayKeyInput(day)) };
    return writeStamp(hour, hmac(today.key, stampInput(relayed, hour)).toString('base64url'));
  };
}

function hmac(key: Uint8Array, input: Uint8Array): Buffer {
  return createHmac('sha256', key).update(input).digest();
}
