/** Public keys of accounts: logs, packages; and the list of their channels (calls.ts). */
import type { Tag } from '../frame.ts';
import type { Sealed, StoredRecord } from './records.ts';

/**
 * The next entry of an account's key log, asked for by the session `by`. `link` is the tag of its hash, `previous` that of
 * the entry before, absent for the first; `devices` are all it names.
 */
export interface NewLogEntry {
  readonly account: Tag;
  readonly by: Tag;
  readonly sequence: number;
  readonly link: Tag;
  readonly previous?: Tag;
  readonly devices: readonly Tag[];
  readonly sealed: Sealed;
}
/**
 * `exists`: this very entry was appended before, and is the newest. `stale`: the log does not end with `previous`. `missing`:
 * it names a device the account does not have. `refused`: the asking session does not live.
 */
export interface LogWritten {
  readonly result: 'created' | 'exists' | 'stale' | 'missing' | 'refused';
}
export interface LogPageRequest {
  readonly account: Tag;
  /** Number of the last entry the reader has; 0 for none. */
  readonly after: number;
}
/** The next entries in order, at most `LIMITS.keyLogEntriesPerPage`, each with its number as version. */
export interface LogPage {
  readonly entries: readonly StoredRecord[];
}
/**
 * Key packages of a device, asked for by its session `by`. `version` counts the device's uploads: the same upload is never
 * carried out twice, so no package that was handed out comes back. A `list` holds what fits one identity key: packages of
 * another list than the newest upload's are gone, and with `isReplacing` those of this list, too.
 */
export interface NewPackages {
  readonly account: Tag;
  readonly device: Tag;
  readonly by: Tag;
  readonly version: number;
  readonly list: Tag;
  readonly packages: readonly Sealed[];
  /** Takes the place of the one there is. */
  readonly lastResort?: Sealed;
  readonly isReplacing: boolean;
}
/**
 * `stale`: `version` is not one more than the stored one, which the answer tells. `full`: there would be more packages than
 * a device may have. `refused`: the asking session does not live or is another device's.
 */
export interface PackagesWritten extends Stock {
  readonly result: 'created' | 'exists' | 'stale' | 'full' | 'refused';
}
export interface StockRequest {
  readonly device: Tag;
}
export interface Stock {
  /** Number of the newest upload; 0 before the first. */
  readonly version: number;
  /** Packages that nobody has claimed yet. */
  readonly left: number;
}
/** Takes up to `most` packages out of each list, for good: none is ever given out again. */
export interface PackageClaim {
  readonly lists: readonly Tag[];
  readonly most: number;
}
/** By list, oldest first; a last resort only where there is no package. */
export interface ClaimedPackages {
  readonly packages: Readonly<Record<Tag, readonly Sealed[]>>;
  readonly lastResorts: Readonly<Record<Tag, Sealed>>;
}
/** Most lists in one claim, and most packages in its answer: with the largest ones it has just over a megabyte. */
export const CLAIM_MAX = 128;
/** The list of an account's channels, encrypted by its devices (base64url), written by the session `by`. */
export interface NewChannelList {
  readonly account: Tag;
  readonly by: Tag;
  readonly version: number;
  readonly data: string;
}
/**
 * `exists`: this very list is the newest already. `stale`: `version` is not one more than the stored one, which the answer
 * tells. `refused`: the asking session does not live.
 */
export interface ListWritten {
  readonly result: 'created' | 'exists' | 'stale' | 'refused';
  readonly version: number;
}
export interface ListRequest {
  readonly account: Tag;
}
export interface ChannelList {
  /** 0, with empty data, when there is none. */
  readonly version: number;
  readonly data: string;
}
