/**
 * Hands out one-time key packages. They lie in Postgres until they are claimed, a handful at a time, into the state Redis,
 * and are taken there one by one. What is claimed is in no other place: if it is lost it is never given out, and nothing
 * is given out twice.
 */

import type { Tag } from '../shared/frame.ts';
import { CLAIM_MAX, type ClaimedPackages } from '../shared/internal/keys.ts';
import type { Sealed } from '../shared/internal/records.ts';
import { errorFields, type Log } from '../shared/log.ts';
import { packagesExpiry } from './copies.ts';
import type { Clock, KeptPackages, OriginApi, PackageList, State } from './ports.ts';
import { FIRST_VERSION, type Records } from './records.ts';

/** Where the packages of a device lie, and what their seals are bound to. */
export interface Shelf extends PackageList {
  readonly device: Tag;
}

/** What a device offers to be written to with; `isLastResort`: others may have got the same. */
export interface Offer {
  readonly package: string;
  readonly isLastResort: boolean;
}
/** By list. */
export type Offers = ReadonlyMap<Tag, Offer>;

/** All throw `unavailable`. */
export interface Packages {
  /** One trip to the state Redis: the lists of these accounts that it can take from. */
  stocked(accounts: readonly Tag[]): Promise<ReadonlySet<Tag>>;
  /** One trip to the state Redis; what it has no package for is missing. */
  take(shelves: readonly Shelf[]): Promise<Offers>;
  /** One trip to the origin, for one of each and nothing to keep. */
  claimOne(shelves: readonly Shelf[], requestId: string): Promise<Offers>;
  /** One trip to the origin. What is to be kept must be handed to `keep`. */
  claim(shelves: readonly Shelf[], requestId: string): Promise<Claimed>;
  /** One trip to the state Redis. Fails no request: what is not kept is lost, and its device makes new ones. */
  keep(kept: readonly KeptPackages[]): Promise<void>;
}
export interface Claimed {
  readonly offers: Offers;
  readonly kept: readonly KeptPackages[];
}

export interface PackageParts {
  readonly state: State;
  readonly origin: OriginApi;
  readonly records: Records;
  readonly clock: Clock;
  readonly log: Log;
}

/** Claimed at a time: each lost Redis costs a device so many, and every tenth look-up goes to Postgres. */
const CLAIM_PACKAGES = 10;

export function createPackages({ state, origin, records, clock, log }: PackageParts): Packages {
  const open = async (table: 'package' | 'lastResort', { account, device, list }: Shelf, sealed: Sealed) => {
    const place = { tags: [account, device, list], version: FIRST_VERSION };
    const record = await records.open(table, place, sealed);
    if (record === undefined) log('error', 'record.forged', { part: 'origin' });
    return record && { package: record.package, isLastResort: table === 'lastResort' };
  };
  const openAll = async (shelves: readonly Shelf[], { packages, lastResorts }: ClaimedPackages) => {
    const offers = new Map<Tag, Offer>();
    await Promise.all(
      shelves.map(async (shelf) => {
        const [sealed] = own(packages, shelf.list) ?? [];
        const last = own(lastResorts, shelf.list);
        const offer =
          (sealed && (await open('package', shelf, sealed))) ||
          (last && (await open('lastResort', shelf, last)));
        if (offer) offers.set(shelf.list, offer);
      }),
    );
    return offers;
  };
  const claimPart = async (shelves: readonly Shelf[], most: number, requestId: string): Promise<Claimed> => {
    const claimed = await origin.claimPackages({ lists: shelves.map(({ list }) => list), most }, requestId);
    const kept = shelves.flatMap(({ account, list }) => {
      const [, ...packages] = own(claimed.packages, list) ?? [];
      const expiresAtMs = packagesExpiry(account, clock.now());
      return packages.length === 0 ? [] : [{ account, list, packages, expiresAtMs }];
    });
    return { offers: await openAll(shelves, claimed), kept };
  };
  /** Calls go side by side, each within what an origin answers at once. */
  const claimUpTo = async (shelves: readonly Shelf[], most: number, requestId: string): Promise<Claimed> => {
    const size = Math.floor(CLAIM_MAX / most);
    const parts = Array.from({ length: Math.ceil(shelves.length / size) }, (_, i) =>
      shelves.slice(i * size, (i + 1) * size),
    );
    const claimed = await Promise.all(parts.map((part) => claimPart(part, most, requestId)));
    const offers = new Map(claimed.flatMap((part) => [...part.offers]));
    return { offers, kept: claimed.flatMap(({ kept }) => kept) };
  };
  return {
    stocked: async (accounts) =>
      accounts.length === 0 ? new Set() : new Set((await state.stocked(accounts)).flat()),
    take: async (shelves) => {
      if (shelves.length === 0) return new Map();
      const taken = await state.takePackages(shelves);
      const packages = shelves.flatMap(({ list }, i) => {
        const sealed = taken[i];
        return sealed === undefined ? [] : [[list, [sealed]] as const];
      });
      return openAll(shelves, { packages: Object.fromEntries(packages), lastResorts: {} });
    },
    claimOne: async (shelves, requestId) => (await claimUpTo(shelves, 1, requestId)).offers,
    claim: (shelves, requestId) => claimUpTo(shelves, CLAIM_PACKAGES, requestId),
    keep: async (kept) => {
      if (kept.length === 0) return;
      try {
        await state.keepPackages(kept);
      } catch (error) {
        log('warn', 'packages.not_kept', { part: 'state', ...errorFields(error) });
      }
    },
  };
}

/** An answer is JSON of another machine: only its own properties count. */
function own<T>(table: Readonly<Record<Tag, T>>, list: Tag): T | undefined {
  return Object.hasOwn(table, list) ? table[list] : undefined;
}
