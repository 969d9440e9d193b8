/** Messages carry their number among those of their sender, inside the encryption: what the relay drops or holds shows. */
import { fromUtf8 } from '../../bytes.ts';
import type { Position } from '../../position.ts';
import type { SecureEphemeral } from './ephemeral.ts';
import type { Received } from './group.ts';
import type { MemberDevice } from './suite.ts';

const COUNTER_BYTES = 4;

/** A message of another device. */
export interface SecureMessage {
  readonly id: string;
  /** Who signed it: a device of a verified key log. */
  readonly from: MemberDevice;
  readonly position: Position;
  readonly bytes: Uint8Array;
  /** Messages of the same device before this one that did not come: lost, held back, or never published. */
  readonly missing: number;
  /** It came after a later one of the same device. */
  readonly isLate: boolean;
  text(): string;
}

export interface SecureChannelEvents {
  readonly message: SecureMessage;
  /** Not of a member, changed on the way, or a repeat. */
  readonly refused: { readonly id: string; readonly position: Position };
  /** The group's devices, after a commit; this device is not among them once it was removed. */
  readonly members: readonly MemberDevice[];
  /** Kept nowhere, and possibly lost. */
  readonly ephemeral: SecureEphemeral;
  /** Messages may be missing, as the node says. */
  readonly gap: { readonly position: Position };
}

/** What was received, with `before`, the number of the sender's newest message until now. */
export function messageOf(
  { from, plaintext }: Extract<Received, { kind: 'message' }>,
  { id, position, before }: Pick<SecureMessage, 'id' | 'position'> & { readonly before: number | undefined },
): SecureMessage {
  const number = numberOf(plaintext);
  const newest = before ?? number - 1;
  const bytes = plaintext.subarray(COUNTER_BYTES);
  const missing = Math.max(0, number - newest - 1);
  return { id, from, position, bytes, missing, isLate: number <= newest, text: () => fromUtf8(bytes) };
}

/** Content behind its number among its sender's messages: a hole, or a step back, shows. */
export function numbered(number: number, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(COUNTER_BYTES + content.length);
  new DataView(bytes.buffer).setUint32(0, number);
  bytes.set(content, COUNTER_BYTES);
  return bytes;
}

/** Its sender's number of a message. */
export function numberOf(plaintext: Uint8Array): number {
  if (plaintext.length < COUNTER_BYTES) return 0;
  return new DataView(plaintext.buffer, plaintext.byteOffset).getUint32(0);
}
