import * as assert from 'uvu/assert';
import { utf8 } from '../../bytes.ts';
import type { Tag } from '../../frame.ts';
import type { Stamp } from '../../franking.ts';
import { describe } from '../../testing/suite.ts';
import { commit } from '../commitment.ts';
import type { Group } from './group.ts';
import { messageOf, numbered, numberOf } from './secure-message.ts';

const FROM = { userId: 'ann', deviceId: 'phone' };
const MESSAGE = { id: 'message', from: 'A'.repeat(22) as Tag, position: { epoch: 'epoch', offset: 1 } };
const CHANNEL = { channelId: 'channel', before: undefined };

async function received(number: number, before: number | undefined) {
  const group = {} as Group; // Not looked at.
  const step = { kind: 'message', group, from: FROM, plaintext: numbered(number, utf8('hello')) } as const;
  const message = await messageOf(step, { ...CHANNEL, message: MESSAGE, before });
  return { missing: message?.missing, isLate: message?.isLate, text: message?.text() };
}

describe('the number of a message', ({ test }) => {
  const cases = [
    { name: 'is in order after the one before', number: 5, before: 4, missing: 0, isLate: false },
    { name: 'shows what the relay left out', number: 8, before: 4, missing: 3, isLate: false },
    { name: 'shows what the relay held back', number: 3, before: 4, missing: 0, isLate: true },
    {
      name: 'says nothing on the first of a device',
      number: 9,
      before: undefined,
      missing: 0,
      isLate: false,
    },
  ];
  for (const { name, number, before, missing, isLate } of cases)
    test(name, async () => assert.equal(await received(number, before), { missing, isLate, text: 'hello' }));

  test('is 0 for a plaintext that is too short to have one', () => {
    assert.is(numberOf(new Uint8Array(3)), 0);
  });
});

describe('a committed message', ({ test }) => {
  const stamp = '1.mac' as Stamp;
  const committedTo = async (text: string) => {
    const made = await commit(utf8(text), { channelId: 'channel', messageId: 'message' });
    const group = {} as Group; // Not looked at.
    const step = { kind: 'message', group, from: FROM, plaintext: numbered(1, made.plaintext) } as const;
    return { step, commitment: made.commitment };
  };

  test('brings what a report of it takes', async () => {
    const { step, commitment } = await committedTo('hello');
    const message = await messageOf(step, {
      ...CHANNEL,
      message: { ...MESSAGE, committed: { commitment, stamp } },
    });
    assert.is(message?.text(), 'hello');
    assert.equal(message?.reportable, { ...message?.reportable, id: 'message', from: MESSAGE.from });
    assert.is(message?.reportable.evidence?.stamp, stamp);
  });

  test('is not shown when its commitment is to something else', async () => {
    const [{ step }, { commitment }] = await Promise.all([committedTo('hello'), committedTo('hello')]);
    const committed = { commitment, stamp };
    assert.is(await messageOf(step, { ...CHANNEL, message: { ...MESSAGE, committed } }), undefined);
  });
});
