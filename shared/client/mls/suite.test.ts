import { deriveSecret, expandWithLabel } from 'ts-mls/crypto/kdf.js';
import { signWithLabel, verifyWithLabel } from 'ts-mls/crypto/signature.js';
import * as assert from 'uvu/assert';
import { utf8 } from '../../bytes.ts';
import { throwsWith } from '../../testing/expect.ts';
import { describe } from '../../testing/suite.ts';
import { readVectors } from '../../testing/vectors.ts';
import {
  createPackage,
  createSigningKeys,
  decodePackage,
  deviceOf,
  encodePackage,
  loadSuite,
} from './suite.ts';

interface Vectors {
  readonly deriveSecret: Readonly<Record<'label' | 'secret' | 'out', string>>;
  readonly expandWithLabel: Readonly<Record<'label' | 'secret' | 'context' | 'out', string>> & {
    readonly length: number;
  };
  readonly signWithLabel: Readonly<Record<'label' | 'priv' | 'pub' | 'content' | 'signature', string>>;
}

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

describe('the MLS cipher suite', ({ test }) => {
  const vectors = readVectors<Vectors>('mls-crypto-basics');

  test('derives what RFC 9420’s vectors say', async () => {
    const { kdf } = await loadSuite();
    const { deriveSecret: derived, expandWithLabel: expanded } = vectors;
    assert.equal(await deriveSecret(bytes(derived.secret), derived.label, kdf), bytes(derived.out));
    const { secret, label, context, length, out } = expanded;
    assert.equal(await expandWithLabel(bytes(secret), label, bytes(context), length, kdf), bytes(out));
  });

  test('signs and verifies what RFC 9420’s vectors say', async () => {
    const { signature: scheme } = await loadSuite();
    const { priv, pub, label, content, signature } = vectors.signWithLabel;
    assert.equal(await signWithLabel(bytes(priv), label, bytes(content), scheme), bytes(signature));
    const verify = (over: string) =>
      verifyWithLabel(bytes(pub), label, bytes(over), bytes(signature), scheme);
    assert.is(await verify(content), true);
    assert.is(await verify(`00${content.slice(2)}`), false);
  });

  test('makes key packages that name their device, and takes nothing else for one', async () => {
    const keys = await createSigningKeys();
    const { publicPackage } = await createPackage({ userId: 'user', deviceId: 'device' }, keys);
    const decoded = decodePackage(encodePackage(publicPackage));
    assert.equal(deviceOf(decoded.leafNode.credential), { userId: 'user', deviceId: 'device' });
    assert.equal(decoded.leafNode.signaturePublicKey, keys.publicKey);
    for (const other of [new Uint8Array(0), utf8('not a package'), encodePackage(publicPackage).slice(0, 99)])
      throwsWith(() => decodePackage(other), 'bad_request');
  });
});
