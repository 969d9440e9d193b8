/** What an account has: its devices, and the sessions of theirs that live. */
import type { Tag } from '../shared/frame.ts';
import type { Belongings as StoredBelongings } from '../shared/internal/devices.ts';
import type { StoredRecord } from '../shared/internal/records.ts';
import { dayOf } from './days.ts';
import type { Clock, HeldCopy, OriginApi, State } from './ports.ts';
import { type DeviceRecord, LAST_VERSION, type Records, type SessionRecord } from './records.ts';
import { lastDayOf } from './session.ts';

/** Both throw `unavailable`. What does not open under its account's tags is none of its belongings. */
export interface Belongings {
  /** One trip to the origin. */
  devices(account: Tag, requestId: string): Promise<readonly DeviceRecord[]>;
  /** One trip to the origin for what there is, and one to the state Redis for when each was renewed. */
  sessions(account: Tag, requestId: string): Promise<readonly SessionRecord[]>;
}

export interface BelongingParts {
  readonly origin: OriginApi;
  readonly state: State;
  readonly records: Records;
  readonly clock: Clock;
}

export function createBelongings({ origin, state, records, clock }: BelongingParts): Belongings {
  const openDevice = (account: Tag, [tag, { version, sealed }]: readonly [Tag, StoredRecord]) =>
    records.open('device', { tags: [account, tag], version }, sealed);
  const openSession = (place: { tags: readonly Tag[] }, { version, sealed }: HeldCopy) =>
    records.open('session', { ...place, version }, sealed);

  const newestSession = async (
    account: Tag,
    [tag, row]: readonly [Tag, StoredBelongings['sessions'][string]],
    copy: HeldCopy | undefined,
  ): Promise<SessionRecord | undefined> => {
    if (copy?.version === LAST_VERSION) return undefined;
    const place = { tags: [account, row.device, tag] };
    // The copy may know of a renewal that the row does not; one that is not ours to open says nothing.
    const held =
      copy === undefined || copy.version < row.version ? undefined : await openSession(place, copy);
    return held ?? openSession(place, row);
  };
  return {
    devices: async (account, requestId) => {
      const { devices } = await origin.belongings(account, requestId);
      return present(await Promise.all(Object.entries(devices).map((row) => openDevice(account, row))));
    },
    sessions: async (account, requestId) => {
      const rows = Object.entries((await origin.belongings(account, requestId)).sessions);
      const { held } = await state.look(rows.map(([tag]) => ({ kind: 'sess', tag })));
      const opened = await Promise.all(rows.map((row, i) => newestSession(account, row, held[i])));
      const today = dayOf(clock.now());
      return present(opened).filter((record) => today <= lastDayOf(record));
    },
  };
}

function present<T>(found: readonly (T | undefined)[]): readonly T[] {
  return found.filter((item) => item !== undefined);
}
