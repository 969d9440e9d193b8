import type { Tag } from '../../shared/frame.ts';
import type { Verifier } from '../../shared/token.ts';
import type { Grants } from '../grants.ts';
import type { Counters } from '../metrics.ts';
import type { Broker, Redemptions } from '../ports.ts';
import type { Subscriptions } from '../subscriptions.ts';

/** What a command may use of the outside. */
export interface CommandPorts {
  readonly broker: Broker;
  readonly verifier: Verifier;
  readonly redemptions: Redemptions;
  readonly now: () => number;
  readonly counters: Counters;
}

/** Who sent a command: an open connection, as far as commands need to know it. */
export interface Caller {
  readonly session: Tag;
  readonly device: Tag;
  readonly grants: Grants;
  readonly subscriptions: Subscriptions;
  readonly ports: CommandPorts;
}
