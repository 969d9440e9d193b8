import * as assert from 'uvu/assert';
import { utf8 } from '../bytes.ts';
import { encryptTo } from '../jwe.ts';
import { rejectsWith } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import type { ChannelCrypto } from './crypto.ts';
import { createCrypto } from './crypto-default.ts';
import { loadDevice, memoryDeviceStore } from './device.ts';
import { CIPHERTEXT_BUCKETS } from './padding.ts';
import { tagOf } from './test/scripted-socket.ts';

const CHANNEL = tagOf('channel-id');
const CONTEXT = { channelId: CHANNEL, messageId: tagOf('message') };

async function newCrypto(): Promise<ChannelCrypto> {
  return createCrypto(await loadDevice(memoryDeviceStore()));
}

async function pair() {
  const [a, b] = [await newCrypto(), await newCrypto()];
  await a.createKey(CHANNEL);
  await b.unwrapKey(CHANNEL, await a.wrapKeyFor(CHANNEL, b.agreementKey));
  return { a, b };
}

describe('default encryption', ({ test }) => {
  test('carries a message to a peer that was given the key', async () => {
    const { a, b } = await pair();
    const opened = await b.open(await a.seal(utf8('hello'), CONTEXT), CONTEXT);
    assert.equal(opened, { plaintext: utf8('hello') });
  });

  test('has only sizes of the buckets, up to 64 KiB', async () => {
    const { a, b } = await pair();
    for (const length of [0, 1, 992, 993, 65_504]) {
      const sealed = await a.seal(new Uint8Array(length), CONTEXT);
      assert.ok(CIPHERTEXT_BUCKETS.includes(sealed.length), String(sealed.length));
      const opened = await b.open(sealed, CONTEXT);
      assert.ok('plaintext' in opened && opened.plaintext.length === length);
    }
    await rejectsWith(a.seal(new Uint8Array(65_505), CONTEXT), 'payload_too_large');
  });

  test('has smaller sizes for what is kept nowhere, and opens it as nothing else', async () => {
    const { a, b } = await pair();
    const ephemeral = { ...CONTEXT, isEphemeral: true } as const;
    for (const [length, size] of [
      [0, 256],
      [224, 256],
      [225, 1024],
    ] as const)
      assert.is((await a.seal(new Uint8Array(length), ephemeral)).length, size);
    const sealed = await a.seal(utf8('typing'), ephemeral);
    assert.equal(await b.open(sealed, ephemeral), { plaintext: utf8('typing') });
    assert.equal(await b.open(sealed, CONTEXT), { unreadable: 'altered' });
  });

  test('gives the same message another ciphertext each time', async () => {
    const { a } = await pair();
    assert.is.not(String(await a.seal(utf8('x'), CONTEXT)), String(await a.seal(utf8('x'), CONTEXT)));
  });

  test('does not open under another channel or message id', async () => {
    const { a, b } = await pair();
    const other = tagOf('other');
    await b.unwrapKey(CHANNEL, await a.wrapKeyFor(CHANNEL, b.agreementKey));
    const sealed = await a.seal(utf8('hello'), CONTEXT);
    assert.equal(await b.open(sealed, { ...CONTEXT, messageId: other }), { unreadable: 'altered' });
    const keys = new Map([
      [CHANNEL, new Uint8Array(32)],
      [other, new Uint8Array(32)],
    ]);
    const c = createCrypto(await loadDevice(memoryDeviceStore()), keys);
    const moved = await c.open(await c.seal(utf8('hello'), CONTEXT), { ...CONTEXT, channelId: other });
    assert.equal(moved, { unreadable: 'altered' });
  });

  test('does not open after any byte was changed', async () => {
    const { a, b } = await pair();
    const sealed = await a.seal(utf8('hello'), CONTEXT);
    for (const at of [0, 11, 12, 500, sealed.length - 1]) {
      const changed = Uint8Array.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      assert.equal(await b.open(changed, CONTEXT), { unreadable: 'altered' });
    }
    for (const short of [new Uint8Array(0), sealed.subarray(0, 27)])
      assert.equal(await b.open(short, CONTEXT), { unreadable: 'altered' });
  });

  test('tells that a key is missing', async () => {
    const { a } = await pair();
    const stranger = await newCrypto();
    const sealed = await a.seal(utf8('hello'), CONTEXT);
    assert.is(stranger.hasKey(CHANNEL), false);
    assert.equal(await stranger.open(sealed, CONTEXT), { unreadable: 'no_key' });
    await rejectsWith(stranger.seal(utf8('x'), CONTEXT), 'conflict');
    await rejectsWith(stranger.wrapKeyFor(CHANNEL, stranger.agreementKey), 'conflict');
  });

  test('keeps the key it has when asked to make one again', async () => {
    const { a, b } = await pair();
    await a.createKey(CHANNEL);
    assert.ok('plaintext' in (await b.open(await a.seal(utf8('x'), CONTEXT), CONTEXT)));
  });

  test('refuses a key for another device, another channel, or of another shape', async () => {
    const { a, b } = await pair();
    const stranger = await newCrypto();
    const forB = await a.wrapKeyFor(CHANNEL, b.agreementKey);
    await rejectsWith(stranger.unwrapKey(CHANNEL, forB), 'bad_request');
    await rejectsWith(b.unwrapKey(tagOf('other'), forB), 'bad_request');
    for (const text of ['{}', 'no json', JSON.stringify({ channelId: CHANNEL, key: 'AAAA' })])
      await rejectsWith(b.unwrapKey(CHANNEL, await encryptTo(b.agreementKey, utf8(text))), 'bad_request');
  });

  test('makes private keys that no script can read where the store allows it', async () => {
    const held = await loadDevice(memoryDeviceStore());
    assert.is(held.signing.privateKey.extractable, false);
    assert.is(held.agreement.privateKey.extractable, false);
    const bytes = await loadDevice({ ...memoryDeviceStore(), holdsKeyObjects: false });
    assert.is(bytes.signing.privateKey.extractable, true);
  });

  test('loads the device it has saved', async () => {
    const store = memoryDeviceStore();
    const first = await loadDevice(store);
    assert.is((await loadDevice(store)).deviceId, first.deviceId);
    assert.match(first.deviceId, /^[A-Za-z0-9_-]{43}$/);
  });
});
