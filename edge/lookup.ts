/**
 * Finds sealed records: hot copies in the state Redis first, then, for what is unknown there, the durable ones behind
 * the origin in one read. What does not open is treated as if it were not there, and told in the log: a copy in the
 * state Redis is then asked for again at the origin, a record of the origin does not exist for us.
 */
import { errorFields, type Log } from '../shared/log.ts';
import { copiesOf } from './copies.ts';
import type { Clock, Copy, HeldCopy, Mark, OriginApi, State } from './ports.ts';
import { LAST_VERSION, type RecordOf, type Records } from './records.ts';
import {
  type Finds,
  type Found,
  type HeldFinds,
  heldFinds,
  keysOf,
  readOf,
  storedFinds,
  type Want,
  type Wants,
  withoutEnded,
} from './wants.ts';

/** `copies`: what the origin answered, for the state Redis to hold from now on. */
export interface FullFinds extends Finds {
  readonly copies: readonly Copy[];
}

/** All but `keep` throw Failure `unavailable` when a store does not answer. */
export interface Lookup {
  /** One trip to the state Redis. */
  inState(wants: Wants): Promise<Finds>;
  /** The same trip, which redeems a one-time mark as well; true when it was not redeemed before. */
  inStateOnce(mark: Mark, wants: Wants): Promise<Finds & { readonly isFresh: boolean }>;
  /** One trip to the origin. */
  inOrigin(wants: Wants, requestId: string): Promise<FullFinds>;
  /** One trip to the state Redis and, only when something is unknown there, one to the origin for just that. */
  find(wants: Wants, requestId: string): Promise<FullFinds>;
  /** Holds copies. They only save a trip next time, so a failure is logged and does not fail the request. */
  keep(copies: readonly Copy[]): Promise<void>;
}

export interface LookupParts {
  readonly state: State;
  readonly origin: OriginApi;
  readonly records: Records;
  readonly clock: Clock;
  readonly log: Log;
}

export function createLookup({ state, origin, records, clock, log }: LookupParts): Lookup {
  const openState = (wants: Wants, held: readonly (HeldCopy | undefined)[]) =>
    openAll(heldFinds(wants, held), {
      wants,
      records,
      onForged: () => log('error', 'record.forged', { part: 'state' }),
    });
  const openOrigin = (wants: Wants, held: HeldFinds) =>
    openAll(held, { wants, records, onForged: () => log('error', 'record.forged', { part: 'origin' }) });

  const inState = async (wants: Wants) => openState(wants, (await state.look(keysOf(wants))).held);
  const inOrigin = async (wants: Wants, requestId: string) => {
    const answer = await origin.read(readOf(wants), requestId);
    const finds = await openOrigin(wants, storedFinds(wants, answer));
    return { ...finds, copies: copiesOf(wants, finds, clock.now()) };
  };
  return {
    inState,
    inOrigin,
    inStateOnce: async (mark, wants) => {
      const { isFresh, held } = await state.redeem(mark, keysOf(wants));
      return { isFresh, ...(await openState(wants, held)) };
    },
    find: async (wants, requestId) => {
      const warm = await inState(wants);
      const missing = missingOf(wants, warm);
      if (keysOf(missing).length === 0) return { ...warm, copies: [] };
      return withoutEnded(merge(warm, await inOrigin(missing, requestId)), warm);
    },
    keep: async (copies) => {
      if (copies.length === 0) return;
      try {
        await state.put(copies);
      } catch (error) {
        log('warn', 'copies.not_kept', { part: 'state', ...errorFields(error) });
      }
    },
  };
}

interface OpenOptions {
  readonly wants: Wants;
  readonly records: Records;
  readonly onForged: () => void;
}

async function openAll(held: HeldFinds, options: OpenOptions): Promise<Finds> {
  const { wants, records, onForged } = options;
  const ended = await findEnded(held, options);
  const open = async <T extends 'device' | 'session' | 'totp' | 'entry' | 'member'>(
    table: T,
    want: Want | undefined,
    copy: HeldCopy | undefined,
  ): Promise<Found<RecordOf<T>> | undefined> => {
    if (want === undefined || copy === undefined || ended.has(want)) return undefined;
    const { version, sealed } = copy;
    const record = await records.open(table, { tags: want.tags, version }, sealed);
    if (record === undefined) onForged();
    return record === undefined ? undefined : { record, version, sealed };
  };
  const { entries = [], members = [] } = wants;
  const [device, session, totp, openedEntries, opened] = await Promise.all([
    open('device', wants.device, held.device),
    open('session', wants.session, held.session),
    open('totp', wants.totp, held.totp),
    Promise.all(entries.map((want, i) => open('entry', want, held.entries[i]))),
    Promise.all(members.map((want, i) => open('member', want, held.members[i]))),
  ]);
  const endedOf = (want: Want | undefined) => want !== undefined && ended.has(want);
  return {
    device,
    session,
    totp,
    entries: openedEntries,
    members: opened,
    ended: {
      device: endedOf(wants.device),
      session: endedOf(wants.session),
      accounts: new Set(entries.filter(endedOf).map(({ tag }) => tag)),
    },
  };
}

/** Which of the wanted device, session and accounts a mark of ours says have ended. A mark that does not open is no mark. */
async function findEnded(held: HeldFinds, { wants, records }: OpenOptions): Promise<ReadonlySet<Want>> {
  const ended = new Set<Want>();
  const check = async (want: Want | undefined, copy: HeldCopy | undefined) => {
    if (want === undefined || copy?.version !== LAST_VERSION) return;
    const place = { tags: [want.tag], version: LAST_VERSION };
    if ((await records.open('ended', place, copy.sealed)) !== undefined) ended.add(want);
  };
  await Promise.all([
    check(wants.device, held.device),
    check(wants.session, held.session),
    ...(wants.entries ?? []).map((want, i) => check(want, held.entries[i])),
  ]);
  return ended;
}

/** The part of `wants` that was not found, and may be elsewhere. */
export function missingOf({ device, session, totp, entries = [], members = [] }: Wants, finds: Finds): Wants {
  const { ended } = finds;
  return {
    ...(device === undefined || finds.device !== undefined || ended.device ? {} : { device }),
    ...(session === undefined || finds.session !== undefined || ended.session ? {} : { session }),
    ...(totp === undefined || finds.totp !== undefined ? {} : { totp }),
    entries: entries.filter(({ tag }, i) => finds.entries[i] === undefined && !ended.accounts.has(tag)),
    members: members.filter((_, i) => finds.members[i] === undefined),
  };
}

/** Fills the holes of `warm` with what came for `missingOf(…, warm)`. */
function merge(warm: Finds, cold: FullFinds): FullFinds {
  const rest = [...cold.members];
  const entries = [...cold.entries];
  return {
    device: warm.device ?? cold.device,
    session: warm.session ?? cold.session,
    totp: warm.totp ?? cold.totp,
    entries: warm.entries.map((entry) => entry ?? entries.shift()),
    members: warm.members.map((member) => member ?? rest.shift()),
    ended: cold.ended,
    copies: cold.copies,
  };
}
