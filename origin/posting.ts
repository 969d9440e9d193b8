import { encodeItemBody } from '../shared/codec.ts';
import { Failure, toFailure } from '../shared/failure.ts';
import type { FailureCode } from '../shared/failures.ts';
import type { SendItem, SentItem, Tag } from '../shared/frame.ts';
import { type NodeLimits, requireFits } from './limits.ts';
import type { Mailboxes } from './ports.ts';

export interface Posting {
  readonly mailboxes: Pick<Mailboxes, 'post'>;
  readonly limits: Pick<NodeLimits, 'dataBytes'>;
  /** Whom to count the item for; throws `grant_required` or `grant_expired`. */
  readonly senderFor: (mailbox: Tag) => Tag;
  readonly onFailure: (code: FailureCode) => void;
}

/** Queues one item and gives its own verdict, so that one full mailbox does not cost the others; never rejects. */
export async function postItem(
  { mailbox, id, data }: SendItem,
  { mailboxes, limits, senderFor, onFailure }: Posting,
): Promise<SentItem> {
  try {
    requireFits(data, limits);
    const { outcome } = await mailboxes.post({
      mailbox,
      sender: senderFor(mailbox),
      id,
      body: encodeItemBody(id, data),
    });
    // Which of the two bounds was met is not told: it would say how much mail somebody else has waiting.
    if (outcome === 'mailbox_full' || outcome === 'sender_full') throw new Failure('mailbox_full');
    return { mailbox };
  } catch (error) {
    const { code, retry } = toFailure(error);
    onFailure(code);
    return { mailbox, code, retry };
  }
}
