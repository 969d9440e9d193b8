import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { type Received, UNREAD_MAX_CHARS, UNREAD_MAX_MESSAGES, Unread } from './unread.ts';

const message = (channel: string, text: string): Received => ({
  ...{
    type: 'message',
    channel,
    id: text,
    userId: 'u',
    deviceId: 'd',
    epoch: 'e',
    offset: 1,
    text,
    missing: 0,
  },
});
const anything = () => true;
const never = new AbortController().signal;

describe('unread messages', ({ test, beforeEach, afterEach }) => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'unread-'));
  });
  afterEach(() => rm(home, { recursive: true }));
  const next = async (unread: Unread, isWanted = anything as (channel: string) => boolean) => {
    const one = await unread.next(isWanted, never);
    unread.printed(one);
    return one.text;
  };

  test('come in order, by channel, and stay for the next command until they are printed', async () => {
    const unread = await Unread.open(home);
    for (const text of ['1', '2', '3']) unread.push(message('a', text));
    unread.push(message('b', '4'));
    assert.is(await next(unread, (channel) => channel === 'b'), '4');
    assert.is(await next(unread), '1');
    assert.is((await unread.next(anything, never)).text, '2');
    await unread.save();
    const again = await Unread.open(home);
    assert.equal([await next(again), await next(again)], ['2', '3']);
    await again.save();
    assert.equal(await readdir(home), []);
  });

  test('are waited for, but not for longer than anybody wants', async () => {
    const unread = await Unread.open(home);
    const waiting = next(unread);
    unread.push(message('a', '1'));
    assert.is(await waiting, '1');
    const stop = new AbortController();
    const stopped = unread.next(anything, stop.signal).catch((reason: unknown) => reason);
    stop.abort('enough');
    assert.is(await stopped, 'enough');
  });

  test('are dropped and counted beyond the bounds, the oldest first', async () => {
    const unread = await Unread.open(home);
    for (let n = 1; n <= UNREAD_MAX_MESSAGES + 2; n += 1) unread.push(message('a', `${n}`));
    await unread.save();
    const again = await Unread.open(home);
    assert.equal([await next(again), again.takeDropped(), again.takeDropped()], ['3', 2, 0]);
    again.push(message('a', 'x'.repeat(UNREAD_MAX_CHARS)));
    assert.is(again.takeDropped(), UNREAD_MAX_MESSAGES - 1);
    assert.is((await next(again))?.length, UNREAD_MAX_CHARS);
  });
});
