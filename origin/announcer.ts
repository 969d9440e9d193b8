/** This node's place among the others: its entry in the registry, which runs out unless it is announced again. */
import type { NodeInfo } from '../shared/internal/relay.ts';
import { errorFields, type Log } from '../shared/log.ts';
import { every } from './every.ts';
import type { Registry } from './ports.ts';

export interface AnnouncerPorts {
  readonly node: string;
  readonly registry: Registry;
  readonly log: Log;
  readonly setTimer: (run: () => void, ms: number) => () => void;
  /** The entry as it is now; undefined while there should be none. */
  readonly entry: () => NodeInfo | undefined;
}

/** A third of an announcement's life in the registry. */
const INTERVAL_MS = 2_000;

export class Announcer {
  readonly #ports: AnnouncerPorts;
  #cancel: () => void = () => undefined;

  constructor(ports: AnnouncerPorts) {
    this.#ports = ports;
  }

  /** Announces the node, and goes on doing so; rejects when the registry does not take the first announcement. */
  async start(): Promise<void> {
    await this.#announce();
    const again = () => {
      this.#announce().catch((error: unknown) => this.#warn('node.announce_failed', error));
    };
    this.#cancel = every(INTERVAL_MS, again, this.#ports.setTimer);
  }

  /** Takes the entry back. Never rejects: without a registry it runs out by itself. */
  async withdraw(): Promise<void> {
    this.#cancel();
    const { registry, node } = this.#ports;
    await registry.withdraw(node).catch((error: unknown) => this.#warn('node.withdraw_failed', error));
  }

  /** Nodes that take connections, other than this one; none when the registry does not answer. */
  async others(): Promise<readonly NodeInfo[]> {
    try {
      const nodes = await this.#ports.registry.nodes();
      return nodes.filter(({ node, isDraining }) => node !== this.#ports.node && !isDraining);
    } catch (error) {
      this.#warn('node.others_unknown', error);
      return [];
    }
  }

  async #announce(): Promise<void> {
    const entry = this.#ports.entry();
    if (entry !== undefined) await this.#ports.registry.announce(entry);
  }

  #warn(event: string, error: unknown): void {
    this.#ports.log('warn', event, { node: this.#ports.node, ...errorFields(error) });
  }
}
