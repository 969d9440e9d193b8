import { encodeItemBody } from '../../shared/codec.ts';
import { Failure, toFailure } from '../../shared/failure.ts';
import type {
  AckFrame,
  AttachedFrame,
  AttachFrame,
  DoneFrame,
  SendFrame,
  SendItem,
  SentFrame,
  SentItem,
} from '../../shared/frame.ts';
import type { Caller } from './caller.ts';

/**
 * Puts ciphertext into mailboxes under a mailbox grant. A bad bundle fails the whole command; after that each item has
 * its own verdict, so that one full mailbox does not cost the others.
 */
export async function send(frame: SendFrame, caller: Caller): Promise<SentFrame> {
  if (frame.grants !== undefined) await takeMailboxGrants(frame.grants, caller);
  const items = await Promise.all(frame.items.map((item) => sendOne(item, caller)));
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

async function sendOne({ mailbox, id, data }: SendItem, caller: Caller): Promise<SentItem> {
  const { mailboxes, now, counters } = caller.ports;
  try {
    const sender = caller.mailboxGrants.need(mailbox, now());
    const { outcome } = await mailboxes.post({ mailbox, sender, id, body: encodeItemBody(id, data) });
    // Which of the two bounds was met is not told: it would say how much mail somebody else has waiting.
    if (outcome === 'mailbox_full' || outcome === 'sender_full') throw new Failure('mailbox_full');
    return { mailbox };
  } catch (error) {
    const { code, retry } = toFailure(error);
    counters.failures(code);
    return { mailbox, code, retry };
  }
}

async function takeMailboxGrants(bundle: string, caller: Caller): Promise<void> {
  const { verifier, now } = caller.ports;
  const claims = await verifier.verify('mailboxes', bundle, now());
  if (claims === 'refused') throw new Failure('grant_refused');
  if (claims === 'expired') throw new Failure('grant_expired');
  caller.mailboxGrants.add(claims, caller.session, now());
}
