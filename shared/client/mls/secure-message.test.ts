import * as assert from 'uvu/assert';
import { utf8 } from '../../bytes.ts';
import { describe } from '../../testing/suite.ts';
import type { Group } from './group.ts';
import { messageOf, numbered, numberOf } from './secure-message.ts';

const FROM = { userId: 'ann', deviceId: 'phone' };
const PLACE = { id: 'message', position: { epoch: 'epoch', offset: 1 } };

function received(number: number, before: number | undefined) {
  const group = {} as Group; // Not looked at.
  const step = { kind: 'message', group, from: FROM, plaintext: numbered(number, utf8('hello')) } as const;
  const { missing, isLate, text } = messageOf(step, { ...PLACE, before });
  return { missing, isLate, text: text() };
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
    test(name, () => assert.equal(received(number, before), { missing, isLate, text: 'hello' }));

  test('is 0 for a plaintext that is too short to have one', () => {
    assert.is(numberOf(new Uint8Array(3)), 0);
  });
});
