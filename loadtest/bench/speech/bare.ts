import { addressOf, type Speech } from '../speech.ts';

/** The floor: the channel's 22 characters and the data, nothing else; no answers. */
export const BARE: Speech = {
  prepare: async ({ url, reads, writes }) => ({
    address: addressOf(url, `/?reads=${reads}`),
    hear: (payload) => (payload.length === READY.length && payload.equals(READY) ? 'ready' : 'message'),
    say: (data) => writes + data,
  }),
};

const READY = Buffer.from('ready');
