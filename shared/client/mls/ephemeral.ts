/**
 * What nobody keeps, for the members of a group: typing, receipts. Under a key that all of them derive in one epoch
 * (RFC 9420 §8.5), so whoever is a commit behind or ahead misses it, as anybody may. The group's members are not told from
 * each other by that key: who sent it is the node's word, the member tag.
 */
import type { Tag } from '../../frame.ts';
import type { Channel } from '../channel.ts';
import { openWith, sealWith } from '../crypto-default.ts';

/** Something of another member that is kept nowhere. */
export interface SecureEphemeral {
  /** As the node says; `Presence` knows members by the same tag. */
  readonly from: Tag;
  readonly bytes: Uint8Array;
}

export interface EphemeralPorts {
  readonly channel: Pick<Channel, 'channelId' | 'on' | 'publishEphemeral'>;
  /** A secret of the present epoch. */
  readonly secret: (label: string) => Promise<Uint8Array>;
  readonly onEphemeral: (event: SecureEphemeral) => void;
}

/** Tells this secret from those that applications derive. */
const LABEL = 'hushwire ephemeral';

/** Both directions of one channel. */
export class Ephemerals {
  readonly #ports: EphemeralPorts;

  constructor(ports: EphemeralPorts) {
    this.#ports = ports;
    ports.channel.on('ephemeral', ({ from, isOwn, bytes }) => {
      if (!isOwn) void this.#take(from, bytes);
    });
  }

  /** Throws as `Channel.publishEphemeral`, and `payload_too_large` over 64 KiB. Up to 224 bytes look alike from outside. */
  async publish(content: Uint8Array): Promise<void> {
    const { channel } = this.#ports;
    await channel.publishEphemeral(await sealWith(await this.#key(), content, this.#context));
  }

  /** What does not open is of another epoch, or of nobody here. */
  async #take(from: Tag, sealed: Uint8Array): Promise<void> {
    const opened = await openWith(await this.#key(), sealed, this.#context);
    if ('plaintext' in opened) this.#ports.onEphemeral({ from, bytes: opened.plaintext });
  }

  async #key(): Promise<Uint8Array<ArrayBuffer>> {
    return Uint8Array.from(await this.#ports.secret(LABEL));
  }

  /** Its id on the wire is not chosen yet when it is sealed; that it comes once matters to nobody. */
  get #context() {
    return { channelId: this.#ports.channel.channelId, messageId: '', isEphemeral: true } as const;
  }
}
