import type { DeviceStore } from './device.ts';
import type { KnownLogStore } from './known-logs.ts';
import type { EpochStore } from './mail-receiver.ts';
import type { GroupStore } from './mls/store.ts';
import type { OutboxStore } from './outbox-store.ts';
import type { SessionStore } from './session.ts';

/** Everything of a device that outlives the process, under the names that `createAccount` and `connectAccount` take. */
export interface Stores {
  readonly store: DeviceStore;
  readonly groups: GroupStore;
  readonly knownLogs: KnownLogStore;
  readonly mailboxEpochs: EpochStore;
  readonly sessions: SessionStore;
  readonly outbox: OutboxStore;
}
