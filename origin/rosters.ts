import type { Tag } from '../shared/frame.ts';
import type { PresenceListener } from './ports.ts';
import { Roster, type RosterPorts } from './roster.ts';

interface Entry {
  readonly roster: Roster;
  users: number;
}

/** The rosters of the channels in which a connection of this node shows itself or watches, and of no other. */
export class Rosters implements PresenceListener {
  readonly #ports: RosterPorts;
  readonly #entries = new Map<Tag, Entry>();

  constructor(ports: RosterPorts) {
    this.#ports = ports;
    ports.presences.listen(this);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Every `open` needs one `release`. */
  open(channel: Tag): Roster {
    const entry = this.#entries.get(channel) ?? { roster: new Roster(channel, this.#ports), users: 0 };
    entry.users += 1;
    this.#entries.set(channel, entry);
    return entry.roster;
  }

  release({ channel }: Roster): void {
    const entry = this.#entries.get(channel);
    if (entry === undefined) return;
    entry.users -= 1;
    if (entry.users > 0) return;
    this.#entries.delete(channel);
    entry.roster.close();
  }

  onShown(channel: Tag): void {
    this.#entries.get(channel)?.roster.onShown();
  }

  onLeaving(channel: Tag, member: Tag): void {
    this.#entries.get(channel)?.roster.onLeaving(member);
  }

  onInterrupted(): void {
    for (const { roster } of this.#entries.values()) roster.onInterrupted();
  }
}
