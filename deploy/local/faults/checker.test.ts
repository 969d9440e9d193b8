import * as assert from 'uvu/assert';
import type { Position } from '../../../shared/position.ts';
import { describe } from '../../../shared/testing/suite.ts';
import { check, type Verdict } from './checker.ts';
import type { Happening } from './history.ts';

const channel = 'c';
const reader = 'r';
const at = (offset: number, epoch = 'one'): Position => ({ epoch, offset });
const held = (position = at(0), isDropping?: true): Happening => ({
  kind: 'held',
  reader,
  channel,
  position,
  isDropping,
});
const offered = (id: string): Happening => ({ kind: 'offered', channel, id });
const accepted = (id: string, position: Position, ifCommit?: Position): Happening => ({
  kind: 'accepted',
  channel,
  id,
  position,
  ifCommit,
});
const said = (id: string, position: Position): Happening[] => [offered(id), accepted(id, position)];
const read = (id: string, position: Position): Happening => ({ kind: 'read', reader, channel, id, position });
const gap = (position: Position, reason: 'trimmed' | 'epoch' = 'epoch'): Happening => ({
  kind: 'gap',
  reader,
  channel,
  position,
  reason,
});
const end = (position: Position): Happening => ({ kind: 'end', channel, position });
const restart: Happening[] = [{ kind: 'store-lost' }, { kind: 'store-returned' }];

/** The counts that are not 0. */
function faultsOf(happenings: readonly Happening[]): Partial<Verdict> {
  const { lost, duplicated, reordered, gapsUnneeded, untold, doubleWinners } = check(happenings);
  const counts = { lost, duplicated, reordered, gapsUnneeded, untold, doubleWinners };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

describe('The checker of channels', ({ test }) => {
  test('finds nothing where everything arrived, also by a retry that kept its position', () => {
    const history = [held(), ...said('a', at(1)), accepted('a', at(1)), read('a', at(1)), end(at(1))];
    const verdict = check(history);
    assert.is(verdict.isClean, true);
    assert.equal([verdict.accepted, verdict.deliveries, verdict.gapsTold], [1, 1, 0]);
  });

  test('counts what was passed over, at the end as in the middle', () => {
    const two = [...said('a', at(1)), ...said('b', at(2))];
    assert.equal(faultsOf([held(), ...two, read('b', at(2)), end(at(2))]), { lost: 1 });
    assert.equal(faultsOf([held(), ...two, read('a', at(1)), end(at(2))]), { lost: 1 });
    assert.equal(faultsOf([held(), ...two, { kind: 'left', reader }, end(at(2))]), {});
  });

  test('counts what came twice, and a retry that got a second position', () => {
    const once = [held(), ...said('a', at(1)), read('a', at(1))];
    assert.equal(faultsOf([...once, read('a', at(1)), end(at(1))]), { duplicated: 1 });
    const twice = [...once, accepted('a', at(2)), read('a', at(2)), end(at(2))];
    assert.equal(faultsOf(twice), { duplicated: 1 });
  });

  test('counts what came late, and two orders of one channel', () => {
    const two = [held(), ...said('a', at(1)), ...said('b', at(2))];
    assert.equal(faultsOf([...two, read('b', at(2)), read('a', at(1)), end(at(2))]), {
      lost: 1,
      reordered: 1,
    });
    const other = [held(), ...said('a', at(1)), read('b', at(1)), end(at(1))];
    assert.equal(faultsOf(other), { reordered: 1 });
  });

  test('takes a gap for what it is where the store began a new life', () => {
    const told = [held(), ...said('a', at(1)), ...restart, ...said('b', at(1, 'two'))];
    assert.equal(faultsOf([...told, gap(at(0, 'two')), read('b', at(1, 'two')), end(at(1, 'two'))]), {});
  });

  test('counts a new life that no reader was told of', () => {
    const untold = [held(), ...said('a', at(1)), read('a', at(1)), ...restart, ...said('b', at(1, 'two'))];
    assert.equal(faultsOf([...untold, read('b', at(1, 'two')), end(at(1, 'two'))]), { lost: 1 });
    const kept = [held(), ...said('a', at(1)), read('a', at(1)), ...restart, ...said('b', at(2))];
    assert.equal(faultsOf([...kept, read('b', at(2)), end(at(2))]), { untold: 1 });
  });

  test('takes a failover for a new life of one shard only', () => {
    const failover = (shard: number): Happening[] => [
      { kind: 'store-lost', shard },
      { kind: 'store-returned', shard },
    ];
    const history = (shard: number) => [
      ...[held(), ...said('a', at(1)), read('a', at(1)), ...failover(shard), ...said('b', at(1, 'two'))],
      ...[gap(at(0, 'two')), read('b', at(1, 'two')), end(at(1, 'two'))],
    ];
    const countsOn = (shard: number) => {
      const { untold, gapsUnneeded } = check(history(shard), () => 1);
      return { untold, gapsUnneeded };
    };
    assert.equal(countsOn(1), { untold: 0, gapsUnneeded: 0 });
    assert.equal(countsOn(2), { untold: 0, gapsUnneeded: 1 });
  });

  test('does not hold an answer against the store that was asked for before it was lost', () => {
    const late = [held(), offered('a'), ...restart, accepted('a', at(1)), read('a', at(1)), end(at(1))];
    assert.equal(faultsOf(late), {});
  });

  test('counts a gap that nothing called for', () => {
    const one = [held(), ...said('a', at(1))];
    assert.equal(faultsOf([...one, gap(at(1), 'trimmed'), end(at(1))]), { gapsUnneeded: 1 });
    assert.equal(faultsOf([...one, gap(at(1), 'epoch'), end(at(1))]), { gapsUnneeded: 1 });
    const renewed = [...one, gap(at(0, 'two')), ...said('b', at(1, 'two')), read('b', at(1, 'two'))];
    assert.equal(faultsOf([...renewed, end(at(1, 'two'))]), { gapsUnneeded: 1 });
  });

  test('takes a gap for what it is where the log was full', () => {
    const many = Array.from({ length: 969 }, (_, i) => said(`m${i + 1}`, at(i + 1))).flat();
    const rest = Array.from({ length: 968 }, (_, i) => read(`m${i + 2}`, at(i + 2)));
    assert.equal(faultsOf([held(), ...many, gap(at(1), 'trimmed'), ...rest, end(at(969))]), {});
    const early = [held(), ...many, gap(at(2), 'trimmed'), ...rest.slice(1), end(at(969))];
    assert.equal(faultsOf(early), { gapsUnneeded: 1 });
  });

  test('lets the SDK drop what it had read, and nothing else', () => {
    const again = [...said('a', at(1)), read('a', at(1)), ...restart, gap(at(0, 'two'))];
    const retried = [...again, accepted('a', at(1, 'two')), end(at(1, 'two'))];
    assert.equal(faultsOf([held(at(0), true), ...retried]), {});
    assert.equal(faultsOf([held(), ...retried]), { lost: 1 });
    assert.equal(faultsOf([held(at(0), true), ...retried, read('a', at(1, 'two'))]), { duplicated: 1 });
  });

  test('counts two winners of one race', () => {
    const race = [held(at(2)), ...['a', 'b'].map((id, i) => accepted(id, at(i + 1), at(0))), end(at(2))];
    assert.equal(faultsOf(race), { doubleWinners: 1 });
    const chain = [held(at(2)), accepted('a', at(1), at(0)), accepted('b', at(2), at(1)), end(at(2))];
    assert.equal(faultsOf(chain), {});
  });
});

describe('The checker of mailboxes', ({ test }) => {
  const mailbox = 'm';
  const post = (id: string): Happening[] => [
    { kind: 'posting', mailbox, id },
    { kind: 'posted', mailbox, id },
  ];
  const attached = (epoch = 'one', attachment = 1, askedAt = 0): Happening => ({
    kind: 'attached',
    mailbox,
    attachment,
    epoch,
    askedAt,
  });
  const delivered = (id: string, seq: number, epoch = 'one', attachment = 1): Happening => ({
    kind: 'delivered',
    mailbox,
    attachment,
    epoch,
    seq,
    id,
  });
  const acked = (seq: number, epoch = 'one', attachment = 1, askedAt = 0): Happening => ({
    kind: 'acked',
    mailbox,
    attachment,
    epoch,
    seq,
    askedAt,
  });
  const emptied: Happening = { kind: 'emptied', mailbox };

  test('counts what an older connection deleted, unless another epoch began meanwhile', () => {
    const history = [...post('a'), attached(), delivered('a', 1), attached('one', 2)];
    const askedAt = history.length;
    assert.equal(faultsOf([...history, acked(1, 'one', 1, askedAt), emptied]), { lost: 1 });
    assert.equal(faultsOf([...history, acked(1, 'one', 1, 0), emptied]), {});
    assert.equal(faultsOf([...history, acked(1, 'one', 2, askedAt), emptied]), {});
  });

  test('finds nothing where every item came until it was acked', () => {
    const history = [
      ...post('a'),
      attached(),
      delivered('a', 1),
      attached('one', 2),
      delivered('a', 1, 'one', 2),
    ];
    assert.equal(faultsOf([...history, acked(1), emptied]), {});
    assert.equal(check([...history, acked(1), emptied]).mail, {
      posted: 1,
      delivered: 2,
      acked: 1,
      lossesTold: 0,
    });
  });

  test('counts an item that never came, unless another epoch told of it', () => {
    assert.equal(faultsOf([...post('a'), attached(), emptied]), { lost: 1 });
    const told = [attached(), ...post('a'), ...restart, attached('two', 2), emptied];
    assert.equal(faultsOf(told), {});
    assert.equal(faultsOf([...told, ...post('b')]), { lost: 1 });
  });

  test('counts a mailbox that was never emptied, and a loss that was not told', () => {
    assert.equal(faultsOf([...post('a'), attached(), delivered('a', 1)]), { lost: 1 });
    const kept = [attached(), ...restart, attached('one', 2, 3), emptied];
    assert.equal(faultsOf(kept), { untold: 1 });
  });

  test('counts repeats: in one attachment, after the ack, and under a second number', () => {
    const one = [...post('a'), attached(), delivered('a', 1)];
    assert.equal(faultsOf([...one, delivered('a', 1), emptied]), { duplicated: 1 });
    const two = [...post('a'), attached(), attached('one', 2), delivered('a', 1, 'one', 2)];
    const late = [...two, acked(1, 'one', 2), delivered('a', 1), emptied];
    assert.equal(faultsOf(late), {}, 'held back on the way to a connection that is over');
    const after = [...one, acked(1), attached('one', 2), delivered('a', 1, 'one', 2), emptied];
    assert.equal(faultsOf(after), { duplicated: 1 });
    assert.equal(faultsOf([...one, delivered('a', 2), emptied]), { duplicated: 1 });
  });

  test('counts a mailbox that was taken from its newest connection', () => {
    const taken = (newest: number): Happening => ({ kind: 'detached', mailbox, attachment: 1, newest });
    assert.equal(faultsOf([attached(), taken(2), emptied]), {});
    assert.equal(faultsOf([attached(), taken(1), emptied]), { lost: 1 });
  });

  test('counts items out of order, and an epoch that nothing called for', () => {
    const two = [...post('a'), ...post('b'), attached(), delivered('b', 2), delivered('a', 1), emptied];
    assert.equal(faultsOf(two), { reordered: 1 });
    assert.equal(faultsOf([attached(), attached('two', 2), emptied]), { gapsUnneeded: 1 });
  });
});
