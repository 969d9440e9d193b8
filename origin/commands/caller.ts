import type { Tag } from '../../shared/frame.ts';
import type { Verifier } from '../../shared/token.ts';
import type { Attendances } from '../attendance.ts';
import type { Grants } from '../grants.ts';
import type { Inbox } from '../inbox.ts';
import type { NodeLimits } from '../limits.ts';
import type { MailboxGrants } from '../mailbox-grants.ts';
import type { Counters } from '../metrics.ts';
import type { Broker, Mailboxes, Redemptions, Stamper } from '../ports.ts';
import type { Revocations } from '../revocations.ts';
import type { Subscriptions } from '../subscriptions.ts';

/** What a command may use of the outside. */
export interface CommandPorts {
  readonly limits: Pick<NodeLimits, 'dataBytes'>;
  readonly broker: Broker;
  readonly mailboxes: Mailboxes;
  readonly verifier: Verifier;
  readonly redemptions: Redemptions;
  readonly revocations: Pick<Revocations, 'has'>;
  readonly now: () => number;
  readonly counters: Counters;
  /** Undefined without a franking key: nothing that this node relays can be reported then. */
  readonly stamper?: Stamper | undefined;
}

/** Who sent a command: an open connection, as far as commands need to know it. */
export interface Caller {
  readonly session: Tag;
  readonly device: Tag;
  readonly grants: Grants;
  readonly subscriptions: Subscriptions;
  readonly attendances: Attendances;
  readonly mailboxGrants: MailboxGrants;
  /** The mailbox this connection receives; undefined until it attached. */
  readonly inbox: Inbox | undefined;
  /** Attaches (anew) to the mailbox of this connection's device; resolves to its epoch. Throws `unavailable`. */
  attachInbox(): Promise<string>;
  /** A newer ticket of the same session and device was redeemed. */
  renewed(): void;
  readonly ports: CommandPorts;
}
