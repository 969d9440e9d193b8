import {
  type ClientConfig,
  defaultKeyPackageEqualityConfig,
  defaultLifetimeConfig,
  defaultPaddingConfig,
} from 'ts-mls';
import { deviceOf, type MemberDevice } from './suite.ts';

/** Whether this signature key is the one the device's verified key log names. */
export type Verify = (device: MemberDevice, signatureKey: Uint8Array) => Promise<boolean>;

/**
 * Keys of 4 epochs are kept for messages a commit outran; within an epoch those of 10 messages that came out of order,
 * and no more than 200 may be missing at once: each costs a hash, and an attacker must not choose how many.
 */
const KEY_RETENTION = {
  retainKeysForGenerations: 10,
  retainKeysForEpochs: 4,
  maximumForwardRatchetSteps: 200,
};

/** What the library asks back while it validates members; every leaf must be a device of a verified key log. */
export function withVerify(verify: Verify): ClientConfig {
  return {
    keyRetentionConfig: KEY_RETENTION,
    lifetimeConfig: defaultLifetimeConfig,
    keyPackageEqualityConfig: defaultKeyPackageEqualityConfig,
    paddingConfig: defaultPaddingConfig,
    authService: {
      validateCredential: async (credential, signatureKey) => {
        const device = deviceOf(credential);
        return device !== undefined && verify(device, signatureKey);
      },
    },
  };
}
