/**
 * Looks users up: whose devices they are, by the newest entry of each key log, and a key package of each device.
 *
 * Warm it takes two trips, one after the other: caller and entries, then packages. What the state Redis does not know is
 * asked of the origin beside the second, and what that brings to light is followed by a third. Nothing is taken or claimed
 * before the caller is known to live.
 */

import type { Tag } from '../shared/frame.ts';
import { type Entry, readEntry } from '../shared/key-log.ts';
import { findAbsent, wantAbsence } from './absence.ts';
import type { Caller } from './access.ts';
import type { BanTags } from './bans.ts';
import { type FullFinds, type Lookup, missingOf } from './lookup.ts';
import type { Offers, Packages, Shelf } from './packages.ts';
import type { Clock, OriginApi } from './ports.ts';
import { requireLive } from './session.ts';
import type { Tags } from './tags.ts';
import type { Throttle } from './throttle.ts';
import { type CallerWants, type Finds, type Want, wantCaller, wantEntry, withoutEnded } from './wants.ts';

/** A user whose keys are known. */
export interface Listed {
  readonly userId: string;
  readonly entry: Entry;
  readonly devices: readonly ListedDevice[];
}
/** A device that the newest entry names. */
export interface ListedDevice extends Shelf {
  readonly deviceId: string;
  readonly mailbox: Tag;
}

export interface LookedUp {
  /** Tag of the calling session. */
  readonly session: Tag;
  /** Only users who have keys; who does not exist looks like one who has none. */
  readonly listed: readonly Listed[];
  readonly offers: Offers;
}

export interface DirectoryParts {
  readonly lookup: Lookup;
  readonly packages: Packages;
  readonly origin: Pick<OriginApi, 'findBlocks'>;
  readonly tags: Tags;
  readonly banTags: BanTags;
  readonly clock: Clock;
  readonly throttle: Throttle;
}

export interface LookUp {
  readonly userIds: readonly string[];
  /** Whether a package of each device is taken. */
  readonly takesPackages: boolean;
  readonly caller: Caller;
  readonly requestId: string;
}

export interface Directory {
  /** Throws `session_ended`, `too_many_requests` or `unavailable`. */
  lookUp(asked: LookUp): Promise<LookedUp>;
}

export function createDirectory(parts: DirectoryParts): Directory {
  const { lookup, packages, tags, banTags, clock, throttle } = parts;
  return {
    lookUp: async (asked) => {
      const { caller, requestId, takesPackages } = asked;
      const own = await wantCaller(tags, caller);
      const [wanted, absence] = await Promise.all([
        Promise.all(asked.userIds.map((userId) => wantEntry(tags, userId))),
        wantAbsence(caller.userId, { userIds: asked.userIds, tags, banTags }),
      ]);
      const [all, stocked, absent] = await Promise.all([
        lookup.inState({ ...own, entries: wanted }),
        packages.stocked(takesPackages ? wanted.map(({ tag }) => tag) : []),
        findAbsent(absence, { origin: parts.origin, requestId }),
      ]);
      // Of whoever is not there nothing is read on, and no package taken.
      const isThere = asked.userIds.map((userId) => !absent.has(userId));
      const there = <T>(list: readonly T[]) => list.filter((_, i) => isThere[i]);
      const entries = there(wanted);
      const warm = { ...all, entries: there(all.entries) };
      const isKnown = warm.device !== undefined && warm.session !== undefined;
      if (isKnown) requireLive(warm, clock.now());
      await throttle.pass(requestId);
      const call: Call = {
        asked: { ...asked, userIds: there(asked.userIds) },
        own,
        entries,
        warm,
        stocked,
        parts,
      };
      const found = isKnown ? await forKnown(call) : await forUnknown(call);
      return { session: own.session.tag, ...found };
    },
  };
}

interface Call {
  readonly asked: LookUp;
  readonly own: CallerWants;
  readonly entries: readonly Want[];
  readonly warm: Finds;
  /** Lists that the state Redis can take from. */
  readonly stocked: ReadonlySet<Tag>;
  readonly parts: DirectoryParts;
}
type Found = Omit<LookedUp, 'session'>;
const NO_OFFERS: Offers = new Map();

/** The caller lives: what is warm is served at once, beside asking the origin for the rest. */
async function forKnown(call: Call): Promise<Found> {
  const { asked, warm, stocked, parts } = call;
  const { lookup, packages } = parts;
  const { requestId, takesPackages } = asked;
  const listed = await listAll(warm, call);
  const shelves = takesPackages ? listed.flatMap(({ devices }) => devices) : [];
  const full = shelves.filter(({ list }) => stocked.has(list));
  const empty = shelves.filter(({ list }) => !stocked.has(list));
  const [taken, claimed, cold] = await Promise.all([
    packages.take(full),
    packages.claim(empty, requestId),
    readMissing(call),
  ]);
  const added = cold === undefined ? [] : await listAll(cold, call);
  const missed = full.filter(({ list }) => !taken.has(list));
  const late = takesPackages ? [...missed, ...added.flatMap(({ devices }) => devices)] : [];
  const [single] = await Promise.all([
    packages.claimOne(late, requestId),
    packages.keep(claimed.kept),
    lookup.keep(cold?.copies ?? []),
  ]);
  return { listed: [...listed, ...added], offers: new Map([...taken, ...claimed.offers, ...single]) };
}

/** Whether the caller lives must be asked first, together with the entries that are unknown. */
async function forUnknown(call: Call): Promise<Found> {
  const { asked, warm, parts } = call;
  const { lookup, packages, clock } = parts;
  const cold = await readMissing(call);
  requireLive({ device: warm.device ?? cold?.device, session: warm.session ?? cold?.session }, clock.now());
  const listed = [...(await listAll(warm, call)), ...(cold === undefined ? [] : await listAll(cold, call))];
  const shelves = listed.flatMap(({ devices }) => devices);
  const [offers] = await Promise.all([
    asked.takesPackages ? packages.claimOne(shelves, asked.requestId) : NO_OFFERS,
    lookup.keep(cold?.copies ?? []),
  ]);
  return { listed, offers };
}

async function readMissing({ own, entries, warm, asked, parts }: Call): Promise<FullFinds | undefined> {
  const missing = missingOf({ ...own, entries }, warm);
  const isWhole =
    missing.device === undefined && missing.session === undefined && missing.entries?.length === 0;
  if (isWhole) return undefined;
  const cold = await parts.lookup.inOrigin(missing, asked.requestId);
  return { ...withoutEnded(cold, warm), copies: cold.copies };
}

/** What the found entries name; they carry the ids themselves. */
async function listAll({ entries }: Pick<Finds, 'entries'>, { parts }: Call): Promise<Listed[]> {
  const found = await Promise.all(
    entries.map((entry) => (entry === undefined ? undefined : list(entry.record.entry, parts))),
  );
  return found.filter((user) => user !== undefined);
}

async function list(text: string, { tags }: DirectoryParts): Promise<Listed> {
  const entry = await readEntry(text);
  const { userId } = entry;
  const account = await tags.account(userId);
  const devices = await Promise.all(
    [...entry.devices].map(async ([deviceId, { identityKey }]): Promise<ListedDevice> => {
      const [device, mailbox, packages] = await Promise.all([
        tags.device(userId, deviceId),
        tags.mailbox(userId, deviceId),
        tags.packages(userId, deviceId, identityKey),
      ]);
      return { deviceId, account, device, mailbox, list: packages };
    }),
  );
  return { userId, entry, devices };
}
