import { randomId } from '../../../shared/bytes.ts';
import { encodeClientFrame } from '../../../shared/codec.ts';
import { PROTOCOL, SOCKET_PATH, TICKET_PROTOCOL_PREFIX } from '../../../shared/frame.ts';
import type { Position } from '../../../shared/position.ts';
import { createSigner, type JWK, type Signer } from '../../../shared/token.ts';
import { addressOf, type Manner, type Peer, type Speech, type Talk } from '../speech.ts';

/** Frames as protocol.md has them; tickets and grants are signed here, as an edge would. */
export async function createHushwire(issuer: string, signingKeys: string): Promise<Speech> {
  const { keys } = JSON.parse(signingKeys) as { keys: JWK[] };
  const signer = await createSigner(issuer, keys);
  return { prepare: (peer, last) => prepare(signer, peer, last) };
}

async function prepare(signer: Signer, peer: Peer, last: Talk | undefined): Promise<Talk> {
  const nowMs = Date.now();
  const session = randomId();
  const channels = [...new Set([peer.reads, peer.writes])];
  const grants = channels.map((channel) => ({
    channel,
    member: randomId(),
    verbs: ['subscribe', 'publish'] as const,
    generation: 1,
  }));
  const ticket = { session, device: randomId(), jti: randomId(), mailbox: randomId() };
  const [ticketJwt, grantsJwt] = await Promise.all([
    signer.sign('ticket', ticket, nowMs),
    signer.sign('grants', { session, grants }, nowMs),
  ]);
  const before = last instanceof HushwireTalk ? last : undefined;
  return new HushwireTalk(peer, { ticket: ticketJwt, grants: grantsJwt, position: before?.position() });
}

interface Credentials {
  readonly ticket: string;
  readonly grants: string;
  readonly position: Position | undefined;
}

/** `{"type":"` is the same in every frame; the letter behind it tells them apart. */
const LETTER_AT = 9;
const letter = (text: string) => text.charCodeAt(0);
const [WELCOME, OK, FAILED] = ['w', 'o', 'f'].map(letter);
const PUBLICATIONS: readonly (number | undefined)[] = ['p', 'e'].map(letter);

class HushwireTalk implements Talk {
  readonly address;
  readonly #writes: string;
  readonly #subscribe: string;
  #isSubscribed = false;
  #position: Position | undefined;
  #ref = 1;
  #lastPublication: string | undefined;

  constructor({ url, reads, writes, node }: Peer, { ticket, grants, position }: Credentials) {
    const path = node === undefined ? SOCKET_PATH : `${SOCKET_PATH}?node=${node}`;
    this.address = addressOf(url, path, [PROTOCOL, TICKET_PROTOCOL_PREFIX + ticket]);
    this.#writes = writes;
    const item = position === undefined ? { channel: reads } : { channel: reads, position };
    this.#subscribe = encodeClientFrame({ type: 'subscribe', ref: 1, grants, channels: [item] });
  }

  hear(payload: Buffer) {
    const kind = payload[LETTER_AT];
    if (PUBLICATIONS.includes(kind)) {
      if (kind === PUBLICATIONS[0]) this.#lastPublication = payload.toString('latin1', 0, 96);
      return 'message';
    }
    if (kind === OK) return this.#isSubscribed ? 'ack' : this.#hearSubscribed(payload);
    if (kind === FAILED) return 'refused';
    return kind === WELCOME ? { reply: this.#subscribe } : 'other';
  }

  say(data: string, { isEphemeral }: Manner): string {
    this.#ref += 1;
    const start = `{"type":"publish","ref":${this.#ref},"channel":"${this.#writes}","id":"${nextId()}"`;
    return isEphemeral ? `${start},"data":"${data}","ephemeral":true}` : `${start},"data":"${data}"}`;
  }

  /** Where this connection stands in the channel it reads; undefined before it read it. */
  position(): Position | undefined {
    const match = /"epoch":"([^"]+)","offset":(\d+)/.exec(this.#lastPublication ?? '');
    return match === null ? this.#position : { epoch: match[1] ?? '', offset: Number(match[2]) };
  }

  #hearSubscribed(payload: Buffer) {
    this.#isSubscribed = true;
    const answer = JSON.parse(payload.toString('latin1')) as { channels?: { position?: Position }[] };
    this.#position = answer.channels?.[0]?.position;
    return this.#position === undefined ? 'refused' : 'ready';
  }
}

const PROCESS_ID = randomId(6);
let messages = 0;

/** A message id nobody used before. */
function nextId(): string {
  messages += 1;
  return PROCESS_ID + String(messages).padStart(12, '0');
}
