import type { Tag } from '../../../shared/frame.ts';
import type { Broker, BrokerListener } from '../../ports.ts';
import { EPOCH } from './frames.ts';

/** A relay that takes everything, announces it and keeps none of it, so that a long run's memory is the node's alone. */
export function createForgetfulBroker(): Broker & { readonly subscribed: number } {
  const subscribed = new Set<Tag>();
  const offsets = new Map<Tag, number>();
  let listener: BrokerListener | undefined;
  const headOf = (channel: Tag) => ({ epoch: EPOCH, offset: offsets.get(channel) ?? 0 });
  return {
    get subscribed() {
      return subscribed.size;
    },
    publish: async ({ channel, body, ifCommit }) => {
      if (ifCommit !== undefined) return { outcome: 'conflict', position: headOf(channel) };
      offsets.set(channel, headOf(channel).offset + 1);
      const position = headOf(channel);
      if (subscribed.has(channel)) listener?.onPublication(channel, { position, body });
      return { outcome: 'accepted', position };
    },
    announce: async (channel, body) => {
      if (subscribed.has(channel)) listener?.onEphemeral(channel, body);
    },
    forget: async (channel) => void offsets.delete(channel),
    read: async (channel, after) => {
      const head = headOf(channel);
      const page = { head, start: head, publications: [] };
      const isThere = after === undefined || (after.epoch === head.epoch && after.offset === head.offset);
      if (isThere) return page;
      const isKnown = after.epoch === head.epoch && after.offset < head.offset;
      return { ...page, gap: isKnown ? 'trimmed' : 'epoch' };
    },
    subscribe: async (channel) => void subscribed.add(channel),
    unsubscribe: (channel) => void subscribed.delete(channel),
    listen: (one) => {
      listener = one;
    },
  };
}
