import * as assert from 'uvu/assert';
import { randomId } from '../../../shared/bytes.ts';
import { describe } from '../../../shared/testing/suite.ts';
import { linkText, openRequest, readLink, requestedInvitation, sealRequest } from './invitation.ts';
import { createKey, keyId } from './secret-mail.ts';

describe('an invitation link', ({ test }) => {
  const link = { channelId: randomId(), ownerId: randomId(), key: createKey() };

  test('is read back from its text, and from nothing else', () => {
    const text = linkText('https://chat.example/', link);
    assert.equal(readLink(text), link);
    assert.equal(readLink(`${text}\n`), link);
    for (const other of ['', '#', text.slice(0, -1), `${text}x`, text.replace('join', 'joim')])
      assert.is(readLink(other), undefined, other);
  });

  test('carries a request that only its maker opens', async () => {
    const request = { channelId: link.channelId, userId: randomId(), name: 'Zoë' };
    const mail = await sealRequest(link.key, request);
    assert.is(requestedInvitation(mail), await keyId(link.key));
    assert.equal(await openRequest(link.key, mail), request);
    assert.is(await openRequest(createKey(), mail), undefined);
    const changed = Uint8Array.from(mail);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    assert.is(await openRequest(link.key, changed), undefined);
  });

  test('is not taken for in other mail', () => {
    for (const mail of [new Uint8Array(), new Uint8Array(64), new TextEncoder().encode('hushwire join 1\nx')])
      assert.is(requestedInvitation(mail), undefined);
  });
});
