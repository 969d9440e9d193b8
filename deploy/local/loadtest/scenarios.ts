import type { Fleet } from '../roll/fleet.ts';

/** What the runner does to its own stack while k6 runs; against another service the operator does it. */
export interface Event {
  /** Into the part that counts. */
  readonly afterS: number;
  readonly what: string;
  run(fleet: Fleet): Promise<void>;
}
export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly event?: Event;
}

const replace = (isKilled: boolean) => async (fleet: Fleet) => {
  const places = isKilled ? [0] : fleet.names.map((_, i) => i);
  for (const place of places) await fleet.replace(place, { isKilled, isBeside: false });
};

/** In the order in which somebody new would try them. */
export const SCENARIOS: readonly Scenario[] = [
  { name: 'smoke', about: 'the shortest way through the whole service, a few times' },
  { name: 'api', about: 'calls at the edge at a steady rate: sign-up, sign-in, connect, look-ups' },
  { name: 'connect-ramp', about: 'devices that come at a steady rate, each with its own ticket' },
  { name: 'hold', about: '10,000 sockets held open, while probes cross nodes' },
  { name: 'fan-out', about: 'one channel with many readers, and probes that must not notice' },
  { name: 'chat', about: 'rooms of eight with presence, where everybody writes now and then' },
  { name: 'slow-consumer', about: 'readers that stop reading, beside probes that must not notice' },
  {
    name: 'reconnect-storm',
    about: 'a node dies, and everybody it held comes back',
    event: { afterS: 10, what: 'kill one node', run: replace(true) },
  },
  {
    name: 'deploy-roll',
    about: 'every node is replaced, one after another, under load',
    event: { afterS: 5, what: 'restart every node, one after another', run: replace(false) },
  },
  { name: 'soak', about: 'the same as chat for an hour, for leaks and slow growth' },
  { name: 'stress', about: 'messages at a growing rate, until the promise breaks: where the knee is' },
];
