import { randomId } from '../../../shared/bytes.ts';
import type { Admission } from '../../../shared/client/answers.ts';
import { SOCKET_PATH, type Tag } from '../../../shared/frame.ts';
import { createSigner, type JWK, type Signer } from '../../../shared/token.ts';
import { createKeys } from '../keys.ts';
import type { Chance } from './random.ts';

/** What the nodes take for the edge's public URL. */
export const ISSUER = 'https://edge.test';

/** One device of one account, by the tags an edge would give it. */
export interface Person {
  readonly session: Tag;
  readonly device: Tag;
  readonly mailbox: Tag;
}

export function createPerson(): Person {
  return { session: randomId(), device: randomId(), mailbox: randomId() };
}

/**
 * Signs tickets and grants as the edge would, in this process: hundreds of connections a second cost no sign-in, and no
 * fault of the edge's own stores mixes with those under test. Ids and tags of channels are the same here.
 */
export class Gate {
  /** For the nodes. */
  readonly publicKeys: string;
  readonly #signer: Signer;
  readonly #origins: () => readonly string[];
  readonly #chance: Chance;

  private constructor(signer: Signer, publicKeys: string, { origins, chance }: GateOptions) {
    this.#signer = signer;
    this.publicKeys = publicKeys;
    this.#origins = origins;
    this.#chance = chance;
  }

  static async create(options: GateOptions): Promise<Gate> {
    const { signingKeys, publicKeys } = await createKeys();
    const { keys } = JSON.parse(signingKeys) as { readonly keys: readonly JWK[] };
    return new Gate(await createSigner(ISSUER, keys), publicKeys, options);
  }

  /** Socket URLs of the nodes, in an order that chance decides. */
  routes(): string[] {
    const urls = this.#origins().map((url) => `${url}${SOCKET_PATH}`);
    const first = this.#chance.between(0, Math.max(0, urls.length - 1));
    return [...urls.slice(first), ...urls.slice(0, first)];
  }

  /** What `POST /v1/connect` answers. */
  async admit(person: Person, channels: readonly Tag[]): Promise<Admission> {
    const verbs = ['subscribe', 'publish'] as const;
    const granted = channels.map((channel) => ({ channel, member: person.device, verbs }));
    const grants = await this.grants(person, channels);
    return {
      origins: this.routes().map((url, i) => ({ node: String(i), url })),
      socketUrl: 'ws://127.0.0.1:1',
      ticket: await this.ticket(person),
      ticketExpiresInMs: 30_000,
      grants,
      grantsExpireInMs: 600_000,
      channels: granted.map((grant) => ({ ...grant, channelId: grant.channel })),
      refused: [],
    };
  }

  ticket(person: Person): Promise<string> {
    return this.#signer.sign('ticket', { ...person, jti: randomId() }, Date.now());
  }

  grants(person: Person, channels: readonly Tag[]): Promise<string> {
    const grants = channels.map((channel) => ({
      channel,
      member: person.device,
      verbs: ['subscribe', 'publish'] as const,
      generation: 1,
    }));
    return this.#signer.sign('grants', { session: person.session, grants }, Date.now());
  }

  /** The right to put items into these mailboxes. */
  mailboxGrants({ session, device }: Person, mailboxes: readonly Tag[]): Promise<string> {
    return this.#signer.sign('mailboxes', { session, sender: device, mailboxes }, Date.now());
  }
}

export interface GateOptions {
  /** `ws://…` of each node, without path. */
  readonly origins: () => readonly string[];
  readonly chance: Chance;
}
