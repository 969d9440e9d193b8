/**
 * One connection, from upgrade to end; knows no socket library.
 *
 * admitting ──ticket verified and redeemed──► open ──any end──► closed
 *     └── refused, or not admitted within the deadline ──► closed
 *
 * Before `open` nothing but the ticket is looked at; a frame that comes earlier ends the connection. In `open` every
 * command is answered exactly once, in whatever order the answers become ready.
 */
import { encodeServerFrame, failedFrame, parseClientFrame } from '../shared/codec.ts';
import { Failure, toClose } from '../shared/failure.ts';
import type { FailureCode } from '../shared/failures.ts';
import type { AnswerFrame, ClientFrame, Ref, ServerFrame, Tag } from '../shared/frame.ts';
import { errorFields, type Log } from '../shared/log.ts';
import { type Admitted, admit } from './admission.ts';
import { type AccountAllowances, Allowance, draw } from './allowance.ts';
import { Attendances } from './attendance.ts';
import type { CommandPorts } from './commands/caller.ts';
import { carryOut } from './commands/commands.ts';
import { Grants } from './grants.ts';
import type { Inbox } from './inbox.ts';
import type { NodeLimits } from './limits.ts';
import { MailboxGrants } from './mailbox-grants.ts';
import type { Broker, Socket } from './ports.ts';
import type { PostOffice } from './post-office.ts';
import type { Rosters } from './rosters.ts';
import { type SubscriptionPorts, Subscriptions } from './subscriptions.ts';

export interface ConnectionPorts extends SubscriptionPorts, CommandPorts {
  readonly node: string;
  readonly limits: NodeLimits;
  readonly accounts: AccountAllowances;
  readonly broker: Broker;
  readonly postOffice: PostOffice;
  readonly rosters: Rosters;
  readonly log: Log;
  readonly setTimer: (run: () => void, ms: number) => () => void;
}

const nothing = () => undefined;

export class Connection {
  readonly id: string;
  readonly grants: Grants;
  readonly mailboxGrants: MailboxGrants;
  readonly subscriptions: Subscriptions;
  readonly attendances: Attendances;
  readonly ports: ConnectionPorts;
  readonly #socket: Socket;
  #state: 'admitting' | 'open' | 'closed' = 'admitting';
  #ticket: Admitted | undefined;
  #inbox: Inbox | undefined;
  #pending = 0;
  /** Whole seconds: a small integer lies in the connection itself, milliseconds of our days do not. */
  #renewedAtSeconds = 0;
  /** None while it would be as a new one: most connections are silent most of the time, and it has two buckets. */
  #allowance: Allowance | undefined;
  #cancelDeadline: () => void;

  constructor(id: string, socket: Socket, ports: ConnectionPorts) {
    this.id = id;
    this.ports = ports;
    this.#socket = socket;
    const { limits } = ports;
    this.grants = new Grants(limits.channelsPerConnection);
    this.mailboxGrants = new MailboxGrants(limits.mailboxesPerConnection);
    this.subscriptions = new Subscriptions(socket, ports);
    this.attendances = new Attendances({ rosters: ports.rosters, socket, connection: this });
    this.#cancelDeadline = ports.setTimer(() => this.close('ticket_timeout'), limits.admissionMs);
  }

  /** Admits the connection on its ticket, or closes it with the reason. Never throws. */
  async start(ticket: string | undefined): Promise<void> {
    try {
      const claims = await admit(ticket, this.ports);
      if (this.#state !== 'admitting') return;
      this.#ticket = claims;
      this.#state = 'open';
      this.renewed();
      this.#cancelDeadline();
      this.#cancelDeadline = nothing; // The timer would stay in memory with it.
      this.send(this.#welcome());
    } catch (error) {
      this.#fail(error);
    }
  }

  /** One text message of the peer; `undefined` stands for a binary one, which this protocol does not have. */
  receive(text: string | undefined, bytes: number): void {
    if (this.#state === 'closed') return;
    if (bytes > this.ports.limits.frameBytes) return this.close('frame_too_large');
    if (text === undefined || this.#state === 'admitting') return this.close('bad_frame');
    const frame = parseClientFrame(text);
    if (frame.ref === undefined) return this.close('bad_frame');
    const over = this.#overLimit(bytes);
    if (over !== undefined) return this.#refuse(frame.ref, over);
    if (!('refused' in frame)) return void this.#carryOut(frame);
    this.#refuse(frame.ref, new Failure(frame.refused, { detail: frame.detail }));
  }

  /** The session this connection was admitted for; only an open connection has one. */
  get session(): Tag {
    return this.#openTicket().session;
  }

  get device(): Tag {
    return this.#openTicket().device;
  }

  /** The tags this connection was admitted under; none before. */
  get tags(): readonly Tag[] {
    return this.#ticket === undefined ? [] : [this.#ticket.session, this.#ticket.device];
  }

  get inbox(): Inbox | undefined {
    return this.#inbox;
  }

  async attachInbox(): Promise<string> {
    if (this.#inbox === undefined) {
      const inbox = await this.ports.postOffice.open(this.#openTicket().mailbox, this.#socket);
      // Another `attach` may have been quicker, or the connection has ended meanwhile.
      if (this.#inbox !== undefined || this.#state !== 'open') this.ports.postOffice.release(inbox);
      else this.#inbox = inbox;
    }
    if (this.#inbox === undefined) throw new Failure('superseded');
    return this.#inbox.attach();
  }

  /** Bytes that wait for a peer that reads slowly. */
  get queuedBytes(): number {
    return this.#state === 'closed' ? 0 : this.#socket.bufferedBytes();
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  send(frame: ServerFrame): void {
    if (this.#state !== 'open') return;
    if (this.#socket.send(encodeServerFrame(frame)) === 'full') this.close('slow_consumer');
  }

  /** A ticket was brought: from now on the connection may stay as long again. */
  renewed(): void {
    this.#renewedAtSeconds = Math.floor(this.ports.now() / 1_000);
  }

  /** Ends what was not renewed in time: the whole connection, or subscriptions, telling the client for each. */
  expire(nowMs: number): void {
    const stayedMs = nowMs - this.#renewedAtSeconds * 1_000;
    if (this.#state === 'open' && stayedMs >= this.ports.limits.stayMs) return this.close('grant_expired');
    if (this.#allowance?.isUntouched(nowMs)) this.#allowance = undefined;
    for (const channel of this.grants.takeExpired(nowMs)) {
      this.attendances.remove(channel);
      if (this.subscriptions.remove(channel)) this.send({ type: 'revoked', channel, code: 'grant_expired' });
    }
  }

  /** Ends what was held by one of these rights, telling the client for each channel. */
  revoke(rights: ReadonlySet<Tag>): void {
    for (const channel of this.grants.takeRevoked(rights)) {
      this.attendances.remove(channel);
      this.subscriptions.remove(channel);
      this.send({ type: 'revoked', channel, code: 'not_a_member' });
    }
  }

  close(code: FailureCode): void {
    if (this.#state === 'closed') return;
    this.ended();
    this.ports.counters.closes(code);
    const { close, reason } = toClose(new Failure(code));
    this.#socket.close(close, reason);
  }

  /** The socket is gone, whoever ended it: nothing of this connection may stay behind. */
  ended(): void {
    this.#state = 'closed';
    this.#cancelDeadline();
    this.attendances.removeAll();
    this.subscriptions.removeAll();
    if (this.#inbox !== undefined) this.ports.postOffice.release(this.#inbox);
    this.#inbox = undefined;
  }

  /** Why a further command must wait, if it must. A client that goes on all the same is answered, never obeyed. */
  #overLimit(bytes: number): Failure | undefined {
    if (this.#pending >= this.ports.limits.pendingCommands) return new Failure('pending_limit');
    const nowMs = this.ports.now();
    const account = this.ports.accounts.of(accountOf(this.#openTicket()), nowMs);
    this.#allowance ??= Allowance.ofConnection(this.ports.limits, nowMs);
    const retryAfterMs = draw([this.#allowance, account], bytes, nowMs);
    return retryAfterMs === 0 ? undefined : new Failure('too_many_requests', { retryAfterMs });
  }

  #refuse(ref: Ref, failure: Failure): void {
    this.ports.counters.failures(failure.code);
    this.send(failedFrame(ref, failure));
  }

  async #carryOut(frame: ClientFrame): Promise<void> {
    this.#pending += 1;
    let answer: AnswerFrame;
    try {
      answer = await carryOut(frame, this);
    } catch (error) {
      answer = failedFrame(frame.ref, error);
      this.ports.counters.failures(answer.code);
      if (answer.code === 'internal') this.#logFault('connection.command_failed', error);
    }
    this.#pending -= 1;
    this.send(answer);
  }

  #fail(error: unknown): void {
    if (!(error instanceof Failure)) this.#logFault('connection.admission_failed', error);
    this.close(error instanceof Failure ? error.code : 'internal');
  }

  #logFault(event: string, error: unknown): void {
    const { log, node } = this.ports;
    log('error', event, { node, connection: this.id, ...errorFields(error) });
  }

  #openTicket(): Admitted {
    if (this.#ticket === undefined) throw new Failure('internal', { detail: 'The connection is not open' });
    return this.#ticket;
  }

  #welcome(): ServerFrame {
    const { frameBytes, dataBytes, channelsPerConnection: channels, pendingCommands } = this.ports.limits;
    const limits = { frameBytes, dataBytes, channels, pendingCommands };
    return { type: 'welcome', node: this.ports.node, connection: this.id, limits };
  }
}

/** A ticket of an edge that is not renewed yet names no sender; its device alone is counted then. */
function accountOf({ sender, device }: Admitted): Tag {
  return sender ?? device;
}
