import * as assert from 'uvu/assert';
import { fromUtf8, randomId, utf8 } from '../../bytes.ts';
import { rejectsWith } from '../../testing/expect.ts';
import { describe } from '../../testing/suite.ts';
import { CIPHERTEXT_BUCKETS } from '../padding.ts';
import { Group, type Received } from './group.ts';
import { createPackage, createSigningKeys, decodePackage, encodePackage, type MadePackage } from './suite.ts';

const CONTEXT = utf8('message-id');
const trusting = async () => true;

async function newDevice(name: string): Promise<MadePackage> {
  return createPackage({ userId: name, deviceId: `${name}-phone` }, await createSigningKeys());
}

/** Ann's group with each of the others in it, in the order of their names. */
async function groupOf(...names: readonly string[]): Promise<Group[]> {
  const own = await Group.create(await newDevice('ann'), trusting);
  const others = await Promise.all(names.map(newDevice));
  const { next, welcome = new Uint8Array() } = await own.change({
    add: others.map(({ publicPackage }) => decodePackage(encodePackage(publicPackage))),
    info: utf8('hints'),
  });
  const joined = await Promise.all(others.map((device) => Group.join(welcome, device, trusting)));
  assert.ok(joined.every(({ info = new Uint8Array() }) => fromUtf8(info) === 'hints'));
  return [next, ...joined.map(({ group }) => group)];
}

function textOf(received: Received): string {
  return received.kind === 'message'
    ? `${received.from.userId}: ${fromUtf8(received.plaintext)}`
    : received.kind;
}

function groupAfter(received: Received): Group {
  if (!('group' in received)) throw new Error(`Expected a step, got ${received.kind}`);
  return received.group;
}

describe('an MLS group', ({ test }) => {
  test('carries messages from each member to the others, with who wrote them', async () => {
    const [ann, ben, cem] = (await groupOf('ben', 'cem')) as [Group, Group, Group];
    const { message } = await ann.seal(utf8('hello'), CONTEXT);
    for (const reader of [ben, cem]) assert.is(textOf(await reader.receive(message, CONTEXT)), 'ann: hello');
    const reply = await ben.seal(utf8('hi'), CONTEXT);
    assert.is(textOf(await ann.receive(reply.message, CONTEXT)), 'ben: hi');
    assert.equal(
      ann.members.map(({ userId }) => userId),
      ['ann', 'ben', 'cem'],
    );
  });

  test('refuses a message under another id, a changed one, a repeat, and a stranger’s', async () => {
    const [ann, ben] = (await groupOf('ben')) as [Group, Group];
    const [other] = (await groupOf('ben')) as [Group];
    const { message } = await ann.seal(utf8('hello'), CONTEXT);
    assert.is(textOf(await ben.receive(message, utf8('another-id'))), 'refused');
    const changed = Uint8Array.from(message, (byte, at) => (at === 400 ? byte ^ 1 : byte));
    assert.is(textOf(await ben.receive(changed, CONTEXT)), 'refused');
    const after = groupAfter(await ben.receive(message, CONTEXT));
    assert.is(textOf(await after.receive(message, CONTEXT)), 'refused');
    assert.is(textOf(await other.receive(message, CONTEXT)), 'refused');
    assert.is(textOf(await ben.receive(new Uint8Array(9), CONTEXT)), 'refused');
  });

  test('fills a bucket with every message, whatever its length and whoever wrote it', async () => {
    const [ann] = (await groupOf('ben')) as [Group];
    const lengthOf = async (bytes: number, id = randomId()) =>
      (await ann.seal(new Uint8Array(bytes), utf8(id))).message.length;
    assert.is(await lengthOf(0), 1024);
    assert.is(await lengthOf(508, 'x'.repeat(36)), 1024);
    assert.is(await lengthOf(509), 4096);
    assert.is(await lengthOf(64 * 1024 - 516, 'x'.repeat(36)), 64 * 1024);
    await rejectsWith(lengthOf(64 * 1024 - 515), 'payload_too_large');
    assert.ok(CIPHERTEXT_BUCKETS.includes((await ann.change()).commit.length));
  });

  test('gives the same secret to all members, another in each epoch', async () => {
    const [ann, ben] = (await groupOf('ben')) as [Group, Group];
    const before = await ann.exportSecret('attachments');
    assert.equal(await ben.exportSecret('attachments'), before);
    const { next, commit } = await ann.change();
    const after = groupAfter(await ben.receive(commit, CONTEXT));
    assert.equal(await after.exportSecret('attachments'), await next.exportSecret('attachments'));
    assert.not.equal(await next.exportSecret('attachments'), before);
  });

  test('reads on after a commit, also what the commit outran', async () => {
    const [ann, ben] = (await groupOf('ben')) as [Group, Group];
    const outrun = await ben.seal(utf8('before'), CONTEXT);
    const { next, commit } = await ann.change();
    const after = groupAfter(await outrun.next.receive(commit, CONTEXT));
    assert.is(textOf(await next.receive(outrun.message, CONTEXT)), 'ben: before');
    const { message } = await next.seal(utf8('after'), CONTEXT);
    assert.is(textOf(await after.receive(message, CONTEXT)), 'ann: after');
  });

  test('lets a removed member read nothing more, and tells it', async () => {
    const [ann, ben, cem] = (await groupOf('ben', 'cem')) as [Group, Group, Group];
    const { next, commit } = await ann.change({ remove: [{ userId: 'ben', deviceId: 'ben-phone' }] });
    const gone = groupAfter(await ben.receive(commit, CONTEXT));
    const stays = groupAfter(await cem.receive(commit, CONTEXT));
    assert.is(gone.isMember, false);
    const { message } = await next.seal(utf8('without ben'), CONTEXT);
    assert.is(textOf(await stays.receive(message, CONTEXT)), 'ann: without ben');
    for (const reader of [ben, gone]) assert.is(textOf(await reader.receive(message, CONTEXT)), 'refused');
    await rejectsWith(gone.seal(utf8('still here'), CONTEXT), 'forbidden');
  });

  test('keeps what was said before from a new member, and from a copy of a later state', async () => {
    const [ann, ben] = (await groupOf('ben')) as [Group, Group];
    const { message, next } = await ann.seal(utf8('early'), CONTEXT);
    const read = groupAfter(await ben.receive(message, CONTEXT));
    assert.is(textOf(await Group.decode(read.encode(), trusting).receive(message, CONTEXT)), 'refused');
    const late = await newDevice('dan');
    const { welcome = new Uint8Array() } = await next.change({ add: [late.publicPackage] });
    const { group } = await Group.join(welcome, late, trusting);
    assert.is(textOf(await group.receive(message, CONTEXT)), 'past');
  });

  test('goes on from what was stored', async () => {
    const [ann, ben] = (await groupOf('ben')) as [Group, Group];
    const stored = Group.decode(ann.encode(), trusting);
    const { message } = await stored.seal(utf8('again'), CONTEXT);
    assert.is(textOf(await ben.receive(message, CONTEXT)), 'ann: again');
    await rejectsWith((async () => Group.decode(new Uint8Array(3), trusting))(), 'bad_request');
  });

  test('takes no device whose key log names another key, and no Welcome for somebody else', async () => {
    const [own, stranger] = [await newDevice('ann'), await newDevice('eve')];
    const doubting = async (device: { userId: string }) => device.userId !== 'eve';
    const group = await Group.create(own, doubting);
    assert.ok(
      await group.change({ add: [stranger.publicPackage] }).then(
        () => false,
        () => true,
      ),
    );
    const trustful = await Group.create(own, trusting);
    const { welcome = new Uint8Array() } = await trustful.change({ add: [stranger.publicPackage] });
    await rejectsWith(Group.join(welcome, stranger, doubting), 'bad_request');
    await rejectsWith(Group.join(welcome, await newDevice('ben'), trusting), 'bad_request');
  });
});
