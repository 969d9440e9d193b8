/** Who may be in a channel: leaving, removing, roles, and bans, which the service enforces without knowing anybody. */
import { randomId } from '../bytes.ts';
import type {
  BanList,
  BanOrder,
  InvitationOrder,
  ListedInvitation,
  MadeInvitation,
  MemberRole,
  RelayedMessage,
} from './answers.ts';
import type { Api } from './api.ts';

export interface ModerationPorts {
  readonly api: Api;
  readonly userId: string;
  readonly retrying: <T>(attempt: () => Promise<T>) => Promise<T>;
}

/**
 * Moderation of one channel. Everything throws `forbidden` for who may not, `conflict` for what the state does not allow,
 * and is harmless to repeat. Who loses the channel loses it at live connections within two seconds.
 */
export class Moderation {
  readonly channelId: string;
  readonly #ports: ModerationPorts;

  constructor(channelId: string, ports: ModerationPorts) {
    this.channelId = channelId;
    this.#ports = ports;
  }

  /** Leaves the channel; its owner hands over first. */
  leave(): Promise<void> {
    return this.remove(this.#ports.userId);
  }

  /** Lets in whoever knows the channel's id and is not banned, or only by invitation; its owner may. Members stay. */
  setAccess(access: 'open' | 'invitation'): Promise<void> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.setAccess(this.channelId, access));
  }

  /**
   * Deletes the channel with all that was said in it, for everybody; only its owner may. Bans in force stay until their day. A
   * repeat after a lost answer throws `forbidden`, as for a channel that never was.
   */
  delete(): Promise<void> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.deleteChannel(this.channelId));
  }

  /** Removes a member; a moderator may remove members, the owner everybody. */
  remove(userId: string): Promise<void> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.removeMember(this.channelId, userId));
  }

  /** Makes a member a moderator, a service account or a member again; `owner` hands the channel over. Only the owner may. */
  setRole(userId: string, role: MemberRole): Promise<void> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.setRole(this.channelId, userId, role));
  }

  /** Bans up to 50 people at once, members or not; until the end of a day (`2026-12-31`, UTC) or for good. */
  ban(order: BanOrder): Promise<void> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.ban(this.channelId, order));
  }

  /** Lifts bans; those people are no members then. */
  lift(userIds: readonly string[]): Promise<void> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.liftBan(this.channelId, userIds));
  }

  /**
   * An invitation that lets in so many people for so long, as a text for a link (invitation-link.ts). Throws `conflict` for more than
   * 100 at a time.
   */
  invite(order: InvitationOrder): Promise<MadeInvitation> {
    const { api, retrying } = this.#ports;
    const id = randomId();
    return retrying(() => api.invite(this.channelId, { ...order, id }));
  }

  /** The invitations that let somebody in. */
  invitations(): Promise<readonly ListedInvitation[]> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.invitations(this.channelId));
  }

  /** Takes back an invitation, by its tag. */
  revokeInvitation(tag: string): Promise<void> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.revokeInvitation(this.channelId, tag));
  }

  /** The edge's word that a message was relayed, as a report carries it (report.ts). Throws `report_refused`. */
  async attest(relayed: RelayedMessage): Promise<string> {
    const { api, retrying } = this.#ports;
    const { attestation } = await retrying(() => api.attest(this.channelId, relayed));
    return attestation;
  }

  /** Bans in force, by tag: a page of up to 200, after the last tag of the page before. */
  bans(after?: string): Promise<BanList> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.bans(this.channelId, after));
  }
}

/**
 * Bans from the whole service, for operators: `forbidden` for everybody else, `step_up_required` where a second factor was
 * not shown in the last minutes. Whoever is banned is signed out everywhere within two seconds, and stays out.
 */
export class ServiceBans {
  readonly #ports: Pick<ModerationPorts, 'api' | 'retrying'>;

  constructor(ports: Pick<ModerationPorts, 'api' | 'retrying'>) {
    this.#ports = ports;
  }

  /** Bans up to 50 people at once; until the end of a day (`2026-12-31`, UTC) or for good. */
  place(order: BanOrder): Promise<void> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.ban(undefined, order));
  }

  /** Lifts bans; those people may sign in again. */
  lift(userIds: readonly string[]): Promise<void> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.liftBan(undefined, userIds));
  }

  /** Bans in force, by tag: a page of up to 200, after the last tag of the page before. */
  list(after?: string): Promise<BanList> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.bans(undefined, after));
  }
}
