import { Failure } from '../../shared/failure.ts';
import type { AttendFrame, DoneFrame } from '../../shared/frame.ts';
import type { Caller } from './caller.ts';

/**
 * Shows the caller as present in a channel it reads, by the member tag of its grant, and tells it who is; or ends that.
 * Throws `not_subscribed`, `unavailable`, `too_many_requests` in a full channel, or as `Grants.need`.
 */
export async function presence(frame: AttendFrame, caller: Caller): Promise<DoneFrame> {
  const { channel, ref } = frame;
  const { member } = caller.grants.need(channel, 'presence', caller.ports.now());
  if (!caller.subscriptions.has(channel)) throw new Failure('not_subscribed');
  await caller.attendances.set(channel, member, frame);
  return { type: 'ok', ref };
}
