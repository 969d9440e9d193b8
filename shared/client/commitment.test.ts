import * as assert from 'uvu/assert';
import { fromBase64Url, fromUtf8, utf8 } from '../bytes.ts';
import { describe } from '../testing/suite.ts';
import { readVectors } from '../testing/vectors.ts';
import { commit, openCommitment } from './commitment.ts';

interface CommitmentVector {
  readonly opening: string;
  readonly channelId: string;
  readonly messageId: string;
  readonly content: string;
  readonly commitment: string;
}
const PLACE = { channelId: 'c'.repeat(22), messageId: 'm'.repeat(22) };

describe('commitments', ({ test }) => {
  for (const { opening, content, commitment, ...place } of readVectors<{ commitments: CommitmentVector[] }>(
    'franking',
  ).commitments)
    test(`of the vectors open: ${content}`, async () => {
      const plaintext = Uint8Array.from([...fromBase64Url(opening), ...utf8(content)]);
      const opened = await openCommitment(plaintext, commitment, place);
      assert.is(opened?.opening, opening);
      assert.is(opened === undefined ? undefined : fromUtf8(opened.content), content);
    });

  test('open to what was committed to, and nothing else', async () => {
    const { plaintext, commitment } = await commit(utf8('text'), PLACE);
    assert.ok(await openCommitment(plaintext, commitment, PLACE));
    for (let i = 0; i < plaintext.length; i += 1) {
      const altered = Uint8Array.from(plaintext, (byte, at) => (at === i ? byte ^ 1 : byte));
      assert.is(await openCommitment(altered, commitment, PLACE), undefined, `byte ${i}`);
    }
    const elsewhere = { ...PLACE, messageId: 'n'.repeat(22) };
    assert.is(await openCommitment(plaintext, commitment, elsewhere), undefined);
    assert.is(
      await openCommitment(plaintext, commitment, { ...PLACE, channelId: 'd'.repeat(22) }),
      undefined,
    );
    assert.is(await openCommitment(plaintext.subarray(0, 31), commitment, PLACE), undefined);
  });

  test('tell nothing of equal content', async () => {
    const [one, two] = await Promise.all([commit(utf8('same'), PLACE), commit(utf8('same'), PLACE)]);
    assert.not(one.commitment === two.commitment);
  });
});
