import * as assert from 'uvu/assert';
import { Failure } from '../failure.ts';
import { rejectsWith } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import { Inbox } from './inbox.ts';

const sizeOf = (text: string) => text.length;

describe('inbox', ({ test }) => {
  test('hands over in order, to a reader that waits and to one that comes later', async () => {
    const inbox = new Inbox({ sizeOf });
    const first = inbox.next();
    for (const text of ['a', 'b', 'c']) inbox.push(text);
    assert.equal(await first, { done: false, value: 'a' });
    assert.equal(await inbox.next(), { done: false, value: 'b' });
    assert.equal(await inbox.next(), { done: false, value: 'c' });
  });

  test('gives a slow reader what is queued, then slow_consumer, then the end', async () => {
    const inbox = new Inbox({ sizeOf, maxItems: 2 });
    for (const text of ['a', 'b', 'c', 'd']) inbox.push(text);
    assert.equal(await inbox.next(), { done: false, value: 'a' });
    assert.equal(await inbox.next(), { done: false, value: 'b' });
    await rejectsWith(inbox.next(), 'slow_consumer');
    assert.equal(await inbox.next(), { done: true, value: undefined });
  });

  test('is bounded by bytes too, and makes room as it is read', async () => {
    const inbox = new Inbox({ sizeOf, maxBytes: 4 });
    inbox.push('aaa');
    await inbox.next();
    inbox.push('bbbb');
    inbox.push('c');
    assert.equal(await inbox.next(), { done: false, value: 'bbbb' });
    await rejectsWith(inbox.next(), 'slow_consumer');
  });

  test('ends for every reader that waits, with the failure for the first', async () => {
    const inbox = new Inbox({ sizeOf });
    const [first, second] = [inbox.next(), inbox.next()];
    inbox.end(new Failure('not_a_member'));
    await rejectsWith(first, 'not_a_member');
    assert.equal(await second, { done: true, value: undefined });
  });

  test('drops its queue and tells once when the reader leaves', async () => {
    let ends = 0;
    const inbox = new Inbox<string>({ sizeOf, onEnd: () => (ends += 1) });
    inbox.push('a');
    inbox.push('b');
    for await (const _ of inbox) break;
    inbox.push('c');
    assert.equal(await inbox.next(), { done: true, value: undefined });
    assert.is(ends, 1);
  });
});
