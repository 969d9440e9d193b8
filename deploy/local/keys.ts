import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { type JWK, thumbprint } from '../../shared/token.ts';

/** Every secret of one deployment, each as the text its variable takes. */
export interface Keys {
  /** `HUSHWIRE_EDGE_SIGNING_KEYS`: a key set with one private Ed25519 key. */
  readonly signingKeys: string;
  /** `HUSHWIRE_ORIGIN_EDGE_KEYS`: its public half. */
  readonly publicKeys: string;
  /** `HUSHWIRE_EDGE_TAG_KEY`: `1:` and 32 bytes of base64url. */
  readonly tagKey: string;
  /** `HUSHWIRE_EDGE_SEAL_KEYS`: the same form. */
  readonly sealKeys: string;
  /** `HUSHWIRE_EDGE_FRANKING_KEYS` and `HUSHWIRE_ORIGIN_FRANKING_KEY`: 32 bytes of base64url. */
  readonly frankingKey: string;
}

/** Fresh random keys. `kid` is the RFC 7638 thumbprint of the public key. */
export async function createKeys(): Promise<Keys> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { d, ...publicHalf } = privateKey.export({ format: 'jwk' }) as JWK;
  const publicKey = { ...publicHalf, kid: await thumbprint(publicHalf as JWK), use: 'sig', alg: 'Ed25519' };
  return {
    signingKeys: JSON.stringify({ keys: [{ ...publicKey, d }] }),
    publicKeys: JSON.stringify({ keys: [publicKey] }),
    tagKey: `1:${randomBytes(32).toString('base64url')}`,
    sealKeys: `1:${randomBytes(32).toString('base64url')}`,
    frankingKey: randomBytes(32).toString('base64url'),
  };
}
