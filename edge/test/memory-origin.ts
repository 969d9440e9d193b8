import { Failure } from '../../shared/failure.ts';
import type {
  NodeInfo,
  ReadAnswer,
  StoredDevice,
  StoredMember,
  StoredSession,
  Written,
} from '../../shared/internal.ts';
import type { OriginApi } from '../ports.ts';

/** The origin's internal API in memory: the first write of a tag creates, later ones change nothing. */
export interface MemoryOrigin extends OriginApi {
  readonly accounts: Map<string, { sealed: string; createdOn: string }>;
  readonly devices: Map<string, StoredDevice>;
  readonly sessions: Map<string, StoredSession>;
  readonly channels: Map<string, { sealed: string; createdOn: string }>;
  readonly members: Map<string, StoredMember>;
  nodeList: NodeInfo[];
  /** Request ids it was called with, newest last. */
  readonly requestIds: string[];
  setDown(isDown: boolean): void;
}

const CREATED: Written = { result: 'created' };
const EXISTS: Written = { result: 'exists' };
const MISSING: Written = { result: 'missing' };

export function createMemoryOrigin(): MemoryOrigin {
  let isDown = false;
  const tables = {
    accounts: new Map<string, { sealed: string; createdOn: string }>(),
    devices: new Map<string, StoredDevice>(),
    sessions: new Map<string, StoredSession>(),
    channels: new Map<string, { sealed: string; createdOn: string }>(),
    members: new Map<string, StoredMember>(),
  };
  const requestIds: string[] = [];
  const answer = async <T>(requestId: string, run: () => T): Promise<T> => {
    if (isDown) throw new Failure('unavailable');
    requestIds.push(requestId);
    return run();
  };
  const memory: MemoryOrigin = {
    ...tables,
    requestIds,
    nodeList: [],
    setDown: (down) => {
      isDown = down;
    },
    createAccount: ({ account, sealed, createdOn, device }, requestId) =>
      answer(requestId, () => {
        if (tables.accounts.has(account)) return EXISTS;
        tables.accounts.set(account, { sealed, createdOn });
        tables.devices.set(device.device, { sealed: device.sealed, version: 1, account });
        return CREATED;
      }),
    createSession: ({ session, device, account, sealed, expiresOn }, requestId) =>
      answer(requestId, () => {
        if (tables.devices.get(device)?.account !== account) return MISSING;
        if (tables.sessions.has(session)) return EXISTS;
        tables.sessions.set(session, { sealed, version: 1, device, account, expiresOn });
        return CREATED;
      }),
    createChannel: ({ channel, sealed, createdOn, owner }, requestId) =>
      answer(requestId, () => {
        if (tables.channels.has(channel)) return EXISTS;
        tables.channels.set(channel, { sealed, createdOn });
        tables.members.set(owner.member, { sealed: owner.sealed, version: 1, channel });
        return CREATED;
      }),
    addMember: ({ channel, member, sealed }, requestId) =>
      answer(requestId, () => {
        if (!tables.channels.has(channel)) return MISSING;
        if (tables.members.has(member)) return EXISTS;
        tables.members.set(member, { sealed, version: 1, channel });
        return CREATED;
      }),
    read: ({ devices, sessions, members }, requestId) =>
      answer(
        requestId,
        (): ReadAnswer => ({
          devices: pick(tables.devices, devices),
          sessions: pick(tables.sessions, sessions),
          members: pick(tables.members, members),
        }),
      ),
    nodes: (requestId) => answer(requestId, () => ({ nodes: memory.nodeList })),
  };
  return memory;
}

function pick<T>(table: ReadonlyMap<string, T>, tags: readonly string[] = []): Record<string, T> {
  const found: Record<string, T> = {};
  for (const tag of tags) {
    const row = table.get(tag);
    if (row !== undefined) found[tag] = row;
  }
  return found;
}
