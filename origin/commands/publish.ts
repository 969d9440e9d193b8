import { encodePublicationBody } from '../../shared/codec.ts';
import type { PublishedFrame, PublishFrame } from '../../shared/frame.ts';
import type { Caller } from './caller.ts';

/**
 * Appends ciphertext to a channel under a `publish` grant. The sender's member tag comes from the grant, never from
 * the frame. `ok` means that the log has it; `unavailable` means that this is unknown and the same id may be sent again.
 */
export async function publish(frame: PublishFrame, caller: Caller): Promise<PublishedFrame> {
  const { broker, counters, now } = caller.ports;
  const { channel, id, data, ref } = frame;
  const { member } = caller.grants.need(channel, 'publish', now());
  const body = encodePublicationBody(channel, id, member, data);
  const { position, isDuplicate } = await broker.publish({ channel, id, body });
  counters.publishes += 1;
  return isDuplicate ? { type: 'ok', ref, position, duplicate: true } : { type: 'ok', ref, position };
}
