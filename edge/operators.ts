/**
 * Who runs the service. The configuration names operators by the device that signed up their account: that thumbprint is
 * known before there is an account, and user ids follow from it (tags.ts, `userId`), so nobody can be made an operator by
 * anything that is stored. The role is the account's: it stays when that first device is removed.
 */
import { Failure } from '../shared/failure.ts';
import type { Caller } from './access.ts';
import type { Tags } from './tags.ts';

export interface Operators {
  /** Throws `forbidden` unless the caller's account is an operator's. Asks no store. */
  requireOperator(caller: Pick<Caller, 'userId'>): void;
  isOperator(userId: string): boolean;
}

/** The operators whose accounts these devices have signed up, or will. */
export async function createOperators(deviceIds: readonly string[], tags: Tags): Promise<Operators> {
  const userIds = new Set(await Promise.all(deviceIds.map((deviceId) => tags.userId(deviceId))));
  return {
    isOperator: (userId) => userIds.has(userId),
    requireOperator: ({ userId }) => {
      if (!userIds.has(userId)) throw new Failure('forbidden', { detail: 'Only an operator may do this' });
    },
  };
}
