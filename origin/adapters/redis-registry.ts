import type { NodeInfo } from '../../shared/internal/relay.ts';
import type { Redemptions, Registry } from '../ports.ts';
import { partitionKey, partitionOf, relayKey } from './partitions.ts';
import type { RedisCommands } from './redis-commands.ts';

/** All entries are read together, so all of them lie in one partition. */
const PARTITION = 0;
const INDEX = partitionKey('nodes', PARTITION);
const nodeKey = (node: string) => `${partitionKey('node', PARTITION)}:${node}`;

/** How long an announcement lasts; nodes repeat theirs every 2 s, so three may be lost. */
const NODE_LIFE_SECONDS = 7;

/** The Registry over one key per node with a life of its own, so that no clock but Redis' decides who is gone. */
export class RedisRegistry implements Registry {
  readonly #commands: RedisCommands;

  constructor(commands: RedisCommands) {
    this.#commands = commands;
  }

  async announce(self: NodeInfo): Promise<void> {
    const entry = ['SET', nodeKey(self.node), JSON.stringify(self), 'EX', NODE_LIFE_SECONDS] as const;
    await Promise.all([
      this.#commands.ask(PARTITION, ...entry),
      this.#commands.ask(PARTITION, 'SADD', INDEX, self.node),
    ]);
  }

  async withdraw(node: string): Promise<void> {
    await Promise.all([
      this.#commands.ask(PARTITION, 'DEL', nodeKey(node)),
      this.#commands.ask(PARTITION, 'SREM', INDEX, node),
    ]);
  }

  async nodes(): Promise<readonly NodeInfo[]> {
    const names = (await this.#commands.ask(PARTITION, 'SMEMBERS', INDEX)) as string[];
    if (names.length === 0) return [];
    const entries = (await this.#commands.ask(PARTITION, 'MGET', ...names.map(nodeKey))) as unknown[];
    const gone = names.filter((_, i) => entries[i] === null);
    if (gone.length > 0) await this.#commands.ask(PARTITION, 'SREM', INDEX, ...gone);
    return entries.flatMap((entry) => (typeof entry === 'string' ? [JSON.parse(entry) as NodeInfo] : []));
  }
}

/** The Redemptions over `SET NX EX`: the first caller gets true, everybody after it false. */
export class RedisRedemptions implements Redemptions {
  readonly #commands: RedisCommands;

  constructor(commands: RedisCommands) {
    this.#commands = commands;
  }

  async redeem(jti: string, lifeSeconds: number): Promise<boolean> {
    const key = relayKey('once', jti);
    return (await this.#commands.ask(partitionOf(jti), 'SET', key, '1', 'EX', lifeSeconds, 'NX')) === 'OK';
  }
}
