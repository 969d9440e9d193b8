import * as assert from 'uvu/assert';
import { encodeItemBody } from '../shared/codec.ts';
import type { ServerFrame } from '../shared/frame.ts';
import { LIMITS } from '../shared/limits.ts';
import { rejectsWith } from '../shared/testing/expect.ts';
import { describe } from '../shared/testing/suite.ts';
import { Inbox } from './inbox.ts';
import type { Attachment, Mailboxes, Socket } from './ports.ts';

/** A full window of items in epoch `one`; from `lose()` on the store is in epoch `two`, with the same items. */
function createRig(claimed: Attachment | undefined) {
  const frames: ServerFrame[] = [];
  const ignore = () => undefined;
  const socket: Socket = {
    send: (text) => {
      frames.push(JSON.parse(text));
      return 'sent';
    },
    bufferedBytes: () => 0,
    drained: () => Promise.resolve(),
    join: ignore,
    leave: ignore,
    close: ignore,
  };
  const items = Array.from({ length: LIMITS.unackedItems }, (_, i) => ({
    seq: i + 1,
    body: encodeItemBody('AAAAAAAAAAAAAAAA', 'AAAA'),
  }));
  let epoch = 'one';
  const mailboxes: Mailboxes = {
    post: () => Promise.resolve({ outcome: 'mailbox_full' }),
    attach: (mailbox) => Promise.resolve({ mailbox, epoch, fence: 7 }),
    claim: () => Promise.resolve(claimed),
    read: (_, afterSeq) => Promise.resolve({ epoch, items: items.filter(({ seq }) => seq > afterSeq) }),
    ack: (attachment) => Promise.resolve(attachment.epoch === epoch ? 'deleted' : 'over'),
    watch: () => Promise.resolve(),
    unwatch: ignore,
    listen: ignore,
  };
  const inbox = new Inbox('m', { mailboxes, socket, wait: () => Promise.resolve(), onDelivered: ignore });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const lose = () => {
    epoch = 'two';
  };
  return { inbox, frames, settle, lose };
}

const epochsOf = (frames: readonly ServerFrame[]) =>
  frames.flatMap((frame) => (frame.type === 'delivery' ? [frame.epoch] : []));

describe('An inbox whose store began a new life', ({ test }) => {
  test('refuses an ack of the old one and delivers what is left, although its window was full', async () => {
    const { inbox, frames, settle, lose } = createRig({ mailbox: 'm', epoch: 'two', fence: 7 });
    await inbox.attach();
    await settle();
    assert.equal(epochsOf(frames), Array(LIMITS.unackedItems).fill('one'));
    lose();
    frames.length = 0;
    await rejectsWith(inbox.ack([[1, 2]]), 'superseded');
    await settle();
    assert.equal(epochsOf(frames), Array(LIMITS.unackedItems).fill('two'));
    assert.not(frames.some(({ type }) => type === 'detached'));
    await inbox.ack([[1, 2]]);
  });

  test('ends when a newer connection has claimed the mailbox', async () => {
    const { inbox, frames, settle, lose } = createRig(undefined);
    await inbox.attach();
    await settle();
    lose();
    await rejectsWith(inbox.ack([[1, 2]]), 'superseded');
    assert.equal(frames.at(-1), { type: 'detached', code: 'superseded' });
    await rejectsWith(inbox.ack([[1, 2]]), 'superseded');
  });
});
