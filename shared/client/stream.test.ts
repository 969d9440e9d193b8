import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { describe } from '../testing/suite.ts';
import { Stream } from './stream.ts';
import { publication, tagOf } from './test/scripted-socket.ts';

const EPOCH = 'epoch-one';

describe('stream of a channel', ({ test }) => {
  test('passes what follows by one, and moves on', () => {
    const stream = new Stream({ epoch: EPOCH, offset: 4 });
    assert.is(stream.arrive(publication({ offset: 5 })), 'deliver');
    assert.equal(stream.position, { epoch: EPOCH, offset: 5 });
  });

  test('drops a repeat by offset', () => {
    const stream = new Stream({ epoch: EPOCH, offset: 4 });
    assert.is(stream.arrive(publication({ offset: 4 })), 'repeat');
    assert.equal(stream.position, { epoch: EPOCH, offset: 4 });
  });

  test('drops a repeat by sender and id under a new offset, and moves on', () => {
    const stream = new Stream({ epoch: EPOCH, offset: 0 });
    const id = tagOf('same');
    assert.is(stream.arrive(publication({ offset: 1, id })), 'deliver');
    assert.is(stream.arrive(publication({ offset: 2, id })), 'repeat');
    assert.is(stream.arrive(publication({ offset: 3, id, from: tagOf('another') })), 'deliver');
    assert.equal(stream.position, { epoch: EPOCH, offset: 3 });
  });

  test('shows a hole and stays before it', () => {
    const stream = new Stream({ epoch: EPOCH, offset: 4 });
    assert.is(stream.arrive(publication({ offset: 6 })), 'hole');
    assert.is(stream.arrive(publication({ offset: 5, epoch: 'epoch-two' })), 'hole');
    assert.equal(stream.position, { epoch: EPOCH, offset: 4 });
  });

  test('goes on after a gap where the node says', () => {
    const stream = new Stream({ epoch: EPOCH, offset: 4 });
    stream.skipTo({ epoch: 'epoch-two', offset: 9 });
    assert.is(stream.arrive(publication({ offset: 10, epoch: 'epoch-two' })), 'deliver');
  });

  test('begins with the position joined at, unless publications overtook it', () => {
    const fresh = new Stream();
    assert.ok(fresh.joined({ epoch: EPOCH, offset: 7 }));
    assert.equal(fresh.position, { epoch: EPOCH, offset: 7 });
    const overtaken = new Stream();
    overtaken.arrive(publication({ offset: 8 }));
    assert.ok(overtaken.joined({ epoch: EPOCH, offset: 7 }));
    assert.equal(overtaken.position, { epoch: EPOCH, offset: 8 });
  });

  test('does not join beyond where it stands', () => {
    assert.not(new Stream({ epoch: EPOCH, offset: 4 }).joined({ epoch: EPOCH, offset: 5 }));
  });

  test('forgets old ids, and never more than it remembers', () => {
    const stream = new Stream({ epoch: EPOCH, offset: 0 });
    for (let offset = 1; offset <= 2_049; offset += 1) stream.arrive(publication({ offset }));
    assert.is(stream.arrive(publication({ offset: 2_050, id: tagOf('message-2') })), 'repeat');
    assert.is(stream.arrive(publication({ offset: 2_051, id: tagOf('message-1') })), 'deliver');
  });

  test('delivers everything once and in order over any replays', () => {
    const property = fc.property(fc.array(fc.nat({ max: 20 }), { maxLength: 30 }), (cuts) => {
      const stream = new Stream({ epoch: EPOCH, offset: 0 });
      const delivered: number[] = [];
      for (const lag of [...cuts, 0]) {
        const from = Math.max(0, (stream.position?.offset ?? 0) - lag);
        for (let offset = from + 1; offset <= from + 25; offset += 1)
          if (stream.arrive(publication({ offset })) === 'deliver') delivered.push(offset);
      }
      assert.equal(
        delivered,
        delivered.map((_, i) => i + 1),
      );
    });
    fc.assert(property);
  });
});
