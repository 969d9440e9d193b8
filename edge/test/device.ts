import { randomId } from '../../shared/bytes.ts';
import { type AssertionClaims, type JWK, signAssertion, thumbprint } from '../../shared/token.ts';

/** A device with its key pair, as a client would hold it. */
export interface Device {
  readonly deviceId: string;
  readonly publicKey: JWK;
  readonly privateKey: CryptoKey;
}

export type DeviceAlgorithm = 'ES256' | 'Ed25519';

export async function createDevice(algorithm: DeviceAlgorithm = 'ES256'): Promise<Device> {
  const parameters = algorithm === 'ES256' ? { name: 'ECDSA', namedCurve: 'P-256' } : { name: 'Ed25519' };
  const pair = (await crypto.subtle.generateKey(parameters, true, ['sign', 'verify'])) as CryptoKeyPair;
  const exported = (await crypto.subtle.exportKey('jwk', pair.publicKey)) as JWK;
  const { kty, crv, x, y } = exported;
  const publicKey = (y === undefined ? { kty, crv, x } : { kty, crv, x, y }) as JWK;
  return { deviceId: await thumbprint(publicKey), publicKey, privateKey: pair.privateKey };
}

export interface AssertionOptions extends Partial<AssertionClaims> {
  readonly audience: string;
  readonly nowMs?: number;
  readonly kid?: string;
}

/** A good assertion of the device, unless the options say otherwise. */
export function assertionOf(device: Device, options: AssertionOptions): Promise<string> {
  const { audience, nowMs = Date.now(), kid = device.deviceId, ...rest } = options;
  const claims = { jti: randomId(), purpose: 'sign-in' as const, sub: '', ...rest };
  return signAssertion(device.privateKey, claims, { audience, kid, nowMs });
}
