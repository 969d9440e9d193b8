import type { AssertionClaims } from '../../shared/token.ts';
import type { Account, Answer, Client } from './client.ts';
import { createDevice, type Device, type DeviceAlgorithm } from './device.ts';

export interface AddOptions {
  readonly device: Device;
  /** What the assertions say, where it differs from what is right. */
  readonly assertion?: Partial<AssertionClaims>;
  readonly approval?: Partial<AssertionClaims>;
}

/** Asks to add a device, approved by one of the account. */
export async function askToAdd(client: Client, account: Account, options: AddOptions): Promise<Answer> {
  const { device } = options;
  const sub = account.userId;
  const [assertion, approval] = await Promise.all([
    client.assertion(device, { purpose: 'add-device', sub, ...options.assertion }),
    client.assertion(account.device, {
      purpose: 'approve-device',
      sub,
      device: device.deviceId,
      ...options.approval,
    }),
  ]);
  return client.call('/v1/devices', { body: { publicKey: device.publicKey, assertion, approval } });
}

/** A further device of the account. */
export async function addDevice(
  client: Client,
  account: Account,
  algorithm?: DeviceAlgorithm,
): Promise<Account> {
  const device = await createDevice(algorithm);
  const { status } = await askToAdd(client, account, { device });
  if (status !== 201) throw new Error(`Adding a device answered ${status}`);
  return { device, userId: account.userId };
}
