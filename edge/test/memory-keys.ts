import type {
  ClaimedPackages,
  LogPage,
  LogPageRequest,
  LogWritten,
  NewLogEntry,
  NewPackages,
  PackageClaim,
  PackagesWritten,
  Stock,
} from '../../shared/internal/keys.ts';
import type { Sealed, StoredDevice, StoredRecord, StoredSession } from '../../shared/internal/records.ts';
import { LIMITS } from '../../shared/limits.ts';

interface Tables {
  readonly accounts: ReadonlyMap<string, unknown>;
  readonly devices: ReadonlyMap<string, StoredDevice>;
  readonly sessions: ReadonlyMap<string, StoredSession>;
}
interface Shelf {
  version: number;
  list: string;
  packages: Sealed[];
  lastResort: Sealed | undefined;
}

/** The origin's part of keys in memory: logs by account, packages by device. */
export interface MemoryKeys {
  readonly logs: Map<string, (StoredRecord & { readonly link: string })[]>;
  readonly shelves: Map<string, Shelf>;
  newest(account: string): StoredRecord | undefined;
  append(entry: NewLogEntry): LogWritten;
  page(request: LogPageRequest): LogPage;
  add(packages: NewPackages): PackagesWritten;
  stock(device: string): Stock;
  claim(claim: PackageClaim): ClaimedPackages;
}

export function createMemoryKeys({ accounts, devices, sessions }: Tables): MemoryKeys {
  const logs: MemoryKeys['logs'] = new Map();
  const shelves = new Map<string, Shelf>();
  const logOf = (account: string) => (accounts.has(account) ? (logs.get(account) ?? []) : []);
  const newest = (account: string): StoredRecord | undefined => {
    const last = logOf(account).at(-1);
    return last && { sealed: last.sealed, version: last.version };
  };
  const stock = (device: string): Stock => {
    const shelf = devices.has(device) ? shelves.get(device) : undefined;
    return { version: shelf?.version ?? 0, left: shelf?.packages.length ?? 0 };
  };
  return {
    logs,
    shelves,
    newest,
    stock,
    append: ({ account, by, sequence, link, previous, devices: named, sealed }) => {
      if (sessions.get(by)?.account !== account) return { result: 'refused' };
      const last = logOf(account).at(-1);
      if (last?.link === link && last.version === sequence) return { result: 'exists' };
      if (named.some((device) => devices.get(device)?.account !== account)) return { result: 'missing' };
      if (last?.link !== previous || (last?.version ?? 0) !== sequence - 1) return { result: 'stale' };
      logs.set(account, [...logOf(account), { version: sequence, link, sealed }]);
      return { result: 'created' };
    },
    page: ({ account, after }) => ({
      entries: logOf(account)
        .slice(after, after + LIMITS.keyLogEntriesPerPage)
        .map(({ version, sealed }) => ({ version, sealed })),
    }),
    add: ({ account, device, by, version, list, packages, lastResort, isReplacing }) => {
      const session = sessions.get(by);
      const held = shelves.get(device);
      if (session?.account !== account || session.device !== device)
        return { result: 'refused', ...stock(device) };
      const before = held?.version ?? 0;
      if (before === version) return { result: 'exists', ...stock(device) };
      if (before !== version - 1) return { result: 'stale', ...stock(device) };
      const kept = isReplacing || held?.list !== list ? [] : held.packages;
      if (kept.length + packages.length > LIMITS.keyPackagesPerDevice)
        return { result: 'full', ...stock(device) };
      const last = lastResort ?? (held?.list === list ? held.lastResort : undefined);
      shelves.set(device, { version, list, packages: [...kept, ...packages], lastResort: last });
      return { result: 'created', ...stock(device) };
    },
    claim: ({ lists, most }) => {
      const packages: Record<string, Sealed[]> = {};
      const lastResorts: Record<string, Sealed> = {};
      for (const [device, shelf] of shelves) {
        if (!devices.has(device) || !lists.includes(shelf.list)) continue;
        const taken = shelf.packages.splice(0, most);
        if (taken.length > 0) packages[shelf.list] = taken;
        else if (shelf.lastResort !== undefined) lastResorts[shelf.list] = shelf.lastResort;
      }
      return { packages, lastResorts };
    },
  };
}
