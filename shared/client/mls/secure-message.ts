/** Messages carry their number among those of their sender, inside the encryption: what the relay drops or holds shows. */
import { fromUtf8, lengthPrefixed, utf8 } from '../../bytes.ts';
import type { Position } from '../../position.ts';
import { openCommitment } from '../commitment.ts';
import type { Message } from '../reader.ts';
import type { Reportable } from '../report.ts';
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
  /** The same for a report (report.ts): under the sender's member tag, and with evidence where a node stamped it. */
  readonly reportable: Reportable;
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

/** What was received, as the channel brought it, and the number of the sender's newest message until now. */
export interface Arrived {
  readonly message: Pick<Message, 'id' | 'position' | 'from' | 'committed'>;
  readonly channelId: string;
  readonly before: number | undefined;
}

/** Undefined when the commitment does not open to it: nobody could report it, so nobody is shown it. */
export async function messageOf(
  { from, plaintext }: Extract<Received, { kind: 'message' }>,
  { message: { id, position, from: tag, committed }, channelId, before }: Arrived,
): Promise<SecureMessage | undefined> {
  const number = numberOf(plaintext);
  const newest = before ?? number - 1;
  const missing = Math.max(0, number - newest - 1);
  const shown = await openContent(plaintext.subarray(COUNTER_BYTES), committed, { channelId, messageId: id });
  if (shown === undefined) return undefined;
  const { bytes } = shown;
  const counted = { missing, isLate: number <= newest };
  return {
    id,
    from,
    position,
    bytes,
    ...counted,
    reportable: { id, from: tag, ...shown },
    text: () => fromUtf8(bytes),
  };
}

/** What a group binds a message to: exchanged or stripped on the way, it is refused. */
export function contextOf(id: string, commitment: string | undefined): Uint8Array {
  return commitment === undefined ? utf8(id) : lengthPrefixed(['message', id, commitment]);
}

async function openContent(
  content: Uint8Array,
  committed: Message['committed'],
  place: { readonly channelId: string; readonly messageId: string },
): Promise<Pick<Reportable, 'bytes' | 'evidence'> | undefined> {
  if (committed === undefined) return { bytes: content };
  const { commitment, stamp } = committed;
  const opened = await openCommitment(content, commitment, place);
  if (opened === undefined) return undefined;
  const { content: bytes, opening } = opened;
  return stamp === undefined ? { bytes } : { bytes, evidence: { commitment, opening, stamp } };
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
