import { encodePublicationBody, type Franked } from '../../shared/codec.ts';
import { Failure } from '../../shared/failure.ts';
import type { DoneFrame, PublishedFrame, PublishFrame } from '../../shared/frame.ts';
import type { Relayed } from '../../shared/franking.ts';
import { requireFits } from '../limits.ts';
import type { Caller } from './caller.ts';

/**
 * Appends ciphertext to a channel under a `publish` grant, or only announces it when it is ephemeral. The sender's
 * member tag comes from the grant, never from the frame. `ok` means that the log has it; `conflict` that the condition
 * did not hold; `unavailable` means that this is unknown and the same id may be sent again.
 */
export async function publish(frame: PublishFrame, caller: Caller): Promise<PublishedFrame | DoneFrame> {
  const { broker, counters, limits, now } = caller.ports;
  const { channel, id, data, ref, ifCommit, commitment } = frame;
  requireFits(data, limits);
  const { member } = caller.grants.need(channel, 'publish', now());
  const body = encodePublicationBody(
    channel,
    id,
    member,
    data,
    commitment === undefined ? {} : frank({ channel, from: member, id, commitment }, caller),
  );
  if (frame.ephemeral) {
    await broker.announce(channel, body);
    return { type: 'ok', ref };
  }
  const outgoing = { channel, id, body };
  const accepted = await broker.publish(ifCommit === undefined ? outgoing : { ...outgoing, ifCommit });
  const { outcome, position } = accepted;
  if (outcome === 'conflict') throw new Failure('conflict', { position });
  counters.publishes += 1;
  return outcome === 'duplicate'
    ? { type: 'ok', ref, position, duplicate: true }
    : { type: 'ok', ref, position };
}

/** Without a franking key the commitment goes on alone: readers still check it, but nobody can report the message. */
function frank(relayed: Relayed, { ports: { stamper, now } }: Caller): Franked {
  const { commitment } = relayed;
  return stamper === undefined ? { commitment } : { commitment, stamp: stamper(relayed, now()) };
}
