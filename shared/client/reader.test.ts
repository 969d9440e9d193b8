import * as assert from 'uvu/assert';
import { toBase64Url, utf8 } from '../bytes.ts';
import type { PublicationFrame } from '../frame.ts';
import { until } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import { commit } from './commitment.ts';
import type { ChannelCrypto } from './crypto.ts';
import { createCrypto } from './crypto-default.ts';
import { loadDevice, memoryDeviceStore } from './device.ts';
import { Emitter } from './emitter.ts';
import { Reader, type ReaderEvents } from './reader.ts';

const CHANNEL_ID = 'c'.repeat(22);
const ID = 'm'.repeat(22);
const PLACE = { channelId: CHANNEL_ID, messageId: ID };
const STAMP = `498000.${'A'.repeat(43)}`;

describe('reader', ({ test, before }) => {
  let crypto: ChannelCrypto;
  before(async () => {
    crypto = createCrypto(await loadDevice(memoryDeviceStore()));
    await crypto.createKey(CHANNEL_ID);
  });
  /** What becomes of one publication. */
  const read = async (frame: Pick<PublicationFrame, 'data' | 'commitment' | 'stamp'>) => {
    const emitter = new Emitter<ReaderEvents>();
    const seen: string[] = [];
    emitter.on('message', (message) =>
      seen.push(`${message.text()} ${message.evidence === undefined ? 'bare' : 'proved'}`),
    );
    emitter.on('unreadable', ({ reason }) => seen.push(reason));
    const onFault = (failure: Error) => void seen.push(String(failure));
    const reader = new Reader({ channelId: CHANNEL_ID, crypto, isOwn: () => false, emitter, onFault });
    const place = { epoch: 'AAAAAAAA', offset: 1, channel: 't'.repeat(22), from: 'f'.repeat(22) };
    reader.push({ type: 'publication', ...place, id: ID, ...frame });
    await until(() => seen.length > 0, { what: 'an event' });
    return seen;
  };
  const sealed = async (plaintext: Uint8Array, commitment?: string) =>
    toBase64Url(await crypto.seal(plaintext, commitment === undefined ? PLACE : { ...PLACE, commitment }));

  test('shows what its commitment opens, with evidence when it was stamped', async () => {
    const { plaintext, commitment } = await commit(utf8('text'), PLACE);
    const data = await sealed(plaintext, commitment);
    assert.equal(await read({ data, commitment, stamp: STAMP }), ['text proved']);
    assert.equal(await read({ data, commitment }), ['text bare']);
  });

  test('shows what older clients send, which commit to nothing', async () => {
    assert.equal(await read({ data: await sealed(utf8('text')) }), ['text bare']);
  });

  test('does not show what its sender committed to otherwise', async () => {
    const { plaintext } = await commit(utf8('text'), PLACE);
    const { commitment } = await commit(utf8('other'), PLACE);
    assert.equal(await read({ data: await sealed(plaintext, commitment), commitment, stamp: STAMP }), [
      'altered',
    ]);
    const short = await sealed(utf8('text'), commitment);
    assert.equal(await read({ data: short, commitment, stamp: STAMP }), ['altered']);
  });

  test('does not show what lost its commitment, or got another, on the way', async () => {
    const { plaintext, commitment } = await commit(utf8('text'), PLACE);
    const data = await sealed(plaintext, commitment);
    const other = await commit(utf8('text'), PLACE);
    assert.equal(await read({ data }), ['altered']);
    assert.equal(await read({ data, commitment: other.commitment }), ['altered']);
    assert.equal(await read({ data: await sealed(utf8('text')), commitment }), ['altered']);
  });
});
