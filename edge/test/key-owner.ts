import { randomId } from '../../shared/bytes.ts';
import { type DeviceKeys, signEntry } from '../../shared/key-log.ts';
import type { Answer, Client, SignedIn } from './client.ts';
import type { Device } from './device.ts';

/** A device with an identity key, whose account's key log names it. */
export interface KeyOwner extends SignedIn {
  readonly identityKey: string;
  /** The newest entry. */
  readonly entry: string;
}

export const keysOf = ({ publicKey }: Pick<Device, 'publicKey'>, identityKey: string): DeviceKeys => ({
  publicKey,
  identityKey,
});

/** The first entry of an account, with this one device. */
export function firstEntry({ device, userId }: SignedIn, identityKey: string): Promise<string> {
  const claims = { sub: userId, sequence: 1, devices: [keysOf(device, identityKey)] };
  return signEntry(claims, { key: device.privateKey, deviceId: device.deviceId });
}

export async function joinWithKeys(client: Client): Promise<KeyOwner> {
  const account = await client.join();
  const identityKey = randomId(32);
  const entry = await firstEntry(account, identityKey);
  const { status, json } = await append(client, account, { entry });
  if (status !== 201) throw new Error(`The first entry was answered ${status} ${JSON.stringify(json)}`);
  return { ...account, identityKey, entry };
}

export function append(client: Client, { token }: SignedIn, body: object): Promise<Answer> {
  return client.call('/v1/keys/log', { token, body });
}

export function upload(client: Client, { token, identityKey }: KeyOwner, body: object): Promise<Answer> {
  return client.call('/v1/keys', { method: 'PUT', token, body: { identityKey, ...body } });
}

export function lookUp(
  client: Client,
  { token }: SignedIn,
  users: readonly string[],
  packages = true,
): Promise<Answer> {
  return client.call('/v1/keys/lookup', { token, body: { users, packages } });
}

/** Key packages, each another one. */
export function newPackages(n: number): string[] {
  return Array.from({ length: n }, () => randomId(300));
}
