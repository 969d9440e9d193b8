import * as assert from 'uvu/assert';
import { fromUtf8, utf8 } from '../bytes.ts';
import { rejectsWith } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import { ATTACHMENT_MAX_BYTES, openAttachment, paddedBytes, sealAttachment } from './attachment.ts';

const CHUNK = 64 * 1024 + 16;

function store() {
  const kept = new Map<string, Uint8Array>();
  return {
    kept,
    upload: async (ciphertext: Uint8Array) => {
      const url = `https://files.example/${kept.size}`;
      kept.set(url, ciphertext);
      return url;
    },
    download: async (url: string) => kept.get(url) ?? new Uint8Array(),
  };
}

/** Bytes that differ from chunk to chunk. */
function file(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (i >> 8) ^ i);
}

describe('attachments', ({ test }) => {
  for (const bytes of [0, 1, 1024, 1025, 65_536, 65_537, 1_048_577])
    test(`of ${bytes} bytes come back as they were`, async () => {
      const { upload, download, kept } = store();
      const attachment = await sealAttachment(file(bytes), { upload, name: 'a.png', type: 'image/png' });
      assert.equal(await openAttachment(attachment, download), file(bytes));
      const padded = paddedBytes(bytes);
      const tags = Math.ceil(padded / 65_536) * 16;
      assert.is(kept.get(attachment.url)?.length, padded + tags);
    });

  test('are stored unreadable, each under its own key, in steps of size', async () => {
    const { upload, kept } = store();
    const [a, b] = [
      await sealAttachment(utf8('secret'), { upload }),
      await sealAttachment(utf8('secret'), { upload }),
    ];
    assert.ok(a.key !== b.key);
    for (const stored of kept.values()) assert.is(Buffer.from(stored).includes('secret'), false);
    assert.equal(
      [0, 1024, 1025, 700_000, 1_048_577].map(paddedBytes),
      [1024, 1024, 2048, 1_048_576, 2_097_152],
    );
  });

  test('refuse what was changed, moved, cut off, or is under another key', async () => {
    const { upload, download } = store();
    const attachment = await sealAttachment(file(200_000), { upload });
    const stored = await download(attachment.url);
    const swapped = Uint8Array.from(stored);
    swapped.set(stored.subarray(CHUNK, 2 * CHUNK), 0);
    swapped.set(stored.subarray(0, CHUNK), CHUNK);
    const changed = Uint8Array.from(stored, (byte, at) => (at === 100_000 ? byte ^ 1 : byte));
    for (const bytes of [swapped, changed, stored.slice(0, -1), stored.slice(0, CHUNK), new Uint8Array()])
      await rejectsWith(
        openAttachment(attachment, async () => bytes),
        'bad_request',
      );
    const cut = { ...attachment, bytes: 65_536 };
    await rejectsWith(
      openAttachment(cut, async () => stored.slice(0, CHUNK)),
      'bad_request',
    );
    const { key } = await sealAttachment(utf8('other'), { upload });
    await rejectsWith(openAttachment({ ...attachment, key }, download), 'bad_request');
    await rejectsWith(openAttachment({ ...attachment, key: 'AA' }, download), 'bad_request');
  });

  test('are refused over 100 MiB, before anything is fetched or stored', async () => {
    const never = async (): Promise<never> => {
      throw new Error('Not to be called');
    };
    const tooLong = { length: ATTACHMENT_MAX_BYTES + 1 } as Uint8Array; // Only its length is looked at.
    await rejectsWith(sealAttachment(tooLong, { upload: never }), 'payload_too_large');
    const attachment = { url: 'x', key: 'AA', name: '', type: '', bytes: ATTACHMENT_MAX_BYTES + 1 };
    await rejectsWith(openAttachment(attachment, never), 'bad_request');
  });

  test('travel as the reference alone', async () => {
    const { upload, download } = store();
    const message = JSON.stringify(await sealAttachment(utf8('hello'), { upload, name: 'hello.txt' }));
    assert.is(fromUtf8(await openAttachment(JSON.parse(message), download)), 'hello');
  });
});
