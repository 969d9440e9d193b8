import { Failure } from '../../shared/failure.ts';
import type {
  AckFrame,
  AttachedFrame,
  AttachFrame,
  DoneFrame,
  SendFrame,
  SentFrame,
} from '../../shared/frame.ts';
import { type Posting, postItem } from '../posting.ts';
import type { Caller } from './caller.ts';

/**
 * Puts ciphertext into mailboxes under a mailbox grant. A bad bundle fails the whole command; after that each item has
 * its own verdict, so that one full mailbox does not cost the others.
 */
export async function send(frame: SendFrame, caller: Caller): Promise<SentFrame> {
  if (frame.grants !== undefined) await takeMailboxGrants(frame.grants, caller);
  const { mailboxes, now, counters, limits } = caller.ports;
  const posting: Posting = {
    mailboxes,
    limits,
    senderFor: (mailbox) => caller.mailboxGrants.need(mailbox, now()),
    onFailure: (code) => counters.failures(code),
  };
  const items = await Promise.all(frame.items.map((item) => postItem(item, posting)));
  return { type: 'ok', ref: frame.ref, items };
}

/** Receives the mailbox of the caller's device from now on, as its newest connection. */
export async function attach(frame: AttachFrame, caller: Caller): Promise<AttachedFrame> {
  return { type: 'ok', ref: frame.ref, epoch: await caller.attachInbox() };
}

/** Deletes items the device has confirmed; throws `superseded` when the caller does not own the mailbox. */
export async function ack(frame: AckFrame, caller: Caller): Promise<DoneFrame> {
  if (caller.inbox === undefined) throw new Failure('superseded', { detail: 'Attach first' });
  await caller.inbox.ack(frame.ranges);
  return { type: 'ok', ref: frame.ref };
}

async function takeMailboxGrants(bundle: string, caller: Caller): Promise<void> {
  const { verifier, now } = caller.ports;
  const claims = await verifier.verify('mailboxes', bundle, now());
  if (claims === 'refused') throw new Failure('grant_refused');
  if (claims === 'expired') throw new Failure('grant_expired');
  caller.mailboxGrants.add(claims, caller.session, now());
}
