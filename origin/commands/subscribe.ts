import { toFailure } from '../../shared/failure.ts';
import type { SubscribedFrame, SubscribedItem, SubscribeFrame, SubscribeItem } from '../../shared/frame.ts';
import type { Caller } from './caller.ts';
import { takeGrants } from './refresh.ts';

/**
 * Subscribes to many channels at once. A bad bundle fails the whole command; after that each channel has its own
 * verdict, so that one lost membership does not cost the others.
 */
export async function subscribe(frame: SubscribeFrame, caller: Caller): Promise<SubscribedFrame> {
  if (frame.grants !== undefined) await takeGrants(frame.grants, caller);
  const channels = await Promise.all(frame.channels.map((item) => subscribeOne(item, caller)));
  return { type: 'ok', ref: frame.ref, channels };
}

async function subscribeOne(item: SubscribeItem, caller: Caller): Promise<SubscribedItem> {
  const { channel, position } = item;
  try {
    caller.grants.need(channel, 'subscribe', caller.ports.now());
    return { channel, position: await caller.subscriptions.add(channel, position) };
  } catch (error) {
    const { code, retry } = toFailure(error);
    caller.ports.counters.failures(code);
    return { channel, code, retry };
  }
}
