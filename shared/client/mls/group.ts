/**
 * One MLS group (RFC 9420) as a value: every step gives back the next group and changes nothing, so that a step that
 * came to nothing (a commit another one outran, a write that failed) leaves no trace. Keys that served are gone from the
 * next group; the old one's memory is left to the garbage collector, because wiping it would make it unsafe to use.
 *
 * Messages are padded twice: the plaintext inside, so that all lengths of one bucket give MLS messages of one length,
 * and the whole with zeros up to the bucket. Commits are padded outside only; their size tells the size of the group.
 */
import {
  type ClientState,
  createApplicationMessage,
  createCommit,
  createGroup,
  decodeGroupState,
  emptyPskIndex,
  encodeGroupState,
  encodeMlsMessage,
  joinGroupWithExtensions,
  mlsExporter,
  type PrivateMessage,
  type Proposal,
  processPrivateMessage,
} from 'ts-mls';
import { decryptSenderData } from 'ts-mls/privateMessage.js';
import { equalBytes, utf8 } from '../../bytes.ts';
import { Failure } from '../../failure.ts';
import { fillBucket, pad, unpad } from '../padding.ts';
import { type Verify, withVerify } from './group-config.ts';
import { decode, deviceOf, loadSuite, type MadePackage, type MemberDevice } from './suite.ts';

/** Room for what MLS puts around a padded plaintext: 347 bytes with ids of 22 and 43 characters, measured. */
const OVERHEAD_BYTES = 512;
/** Private use (RFC 9420 §17.3): what a Welcome tells its reader besides the group. */
const INFO_EXTENSION = 0xf0a1;

/** Ways an incoming message may turn out; `group` is what to go on with. */
export type Received =
  | {
      readonly kind: 'message';
      readonly group: Group;
      readonly from: MemberDevice;
      readonly plaintext: Uint8Array;
    }
  | { readonly kind: 'commit'; readonly group: Group }
  /** Sealed by this device, which has deleted the key. */
  | { readonly kind: 'own' }
  /** From before this device joined, or of an epoch whose keys are deleted. */
  | { readonly kind: 'past' }
  /** Not of this group's members, changed on the way, a repeat, or of an epoch that was not reached. */
  | { readonly kind: 'refused' };

/** A change of the group that counts once the channel has accepted `commit`. */
export interface Change {
  readonly commit: Uint8Array;
  readonly next: Group;
  /** For the devices that were added. */
  readonly welcome: Uint8Array | undefined;
}

export interface ChangeOptions {
  /** Key packages of devices to add. */
  readonly add?: readonly MadePackage['publicPackage'][];
  readonly remove?: readonly MemberDevice[];
  /** Readable by those who are added, and by nobody on the way. */
  readonly info?: Uint8Array;
}

export class Group {
  readonly #state: ClientState;

  private constructor(state: ClientState) {
    this.#state = state;
  }

  /** A group of this device alone, under a random id that tells nothing. */
  static async create(own: MadePackage, verify: Verify): Promise<Group> {
    const id = crypto.getRandomValues(new Uint8Array(16));
    const { publicPackage, privatePackage } = own;
    const config = withVerify(verify);
    return new Group(await createGroup(id, publicPackage, privatePackage, [], await loadSuite(), config));
  }

  /** The group a Welcome leads into, with what its sender added. Throws `bad_request` when it is not for `own`. */
  static async join(welcome: Uint8Array, own: MadePackage, verify: Verify): Promise<Joined> {
    const message = decode(welcome);
    if (message?.wireformat !== 'mls_welcome') throw new Failure('bad_request', { detail: 'Not a Welcome' });
    const { publicPackage, privatePackage } = own;
    const keys = [publicPackage, privatePackage, emptyPskIndex, await loadSuite()] as const;
    try {
      const joined = await joinGroupWithExtensions(
        message.welcome,
        ...keys,
        undefined,
        undefined,
        withVerify(verify),
      );
      const info = joined[1].find(({ extensionType }) => extensionType === INFO_EXTENSION);
      return { group: new Group(joined[0]), info: info?.extensionData };
    } catch (cause) {
      throw new Failure('bad_request', { detail: 'The Welcome does not lead into a group', cause });
    }
  }

  /** A group as `encode` gave it. Throws `bad_request` for anything else. */
  static decode(bytes: Uint8Array, verify: Verify): Group {
    const state = decodeGroupState(bytes, 0)?.[0];
    if (state === undefined) throw new Failure('bad_request', { detail: 'Not a stored group' });
    return new Group({ ...state, clientConfig: withVerify(verify) });
  }

  /** Everything, secret keys included: belongs into a store that only this device reads. */
  encode(): Uint8Array {
    return encodeGroupState(this.#state);
  }

  get epoch(): bigint {
    return this.#state.groupContext.epoch;
  }

  /** False once a commit has removed this device. */
  get isMember(): boolean {
    return this.#state.groupActiveState.kind === 'active';
  }

  /** The devices of the group, by leaf. */
  get members(): readonly MemberDevice[] {
    return this.#leaves().map(({ device }) => device);
  }

  /** A secret of this epoch that all members derive alike, and nobody else (RFC 9420 §8.5). */
  async exportSecret(label: string, bytes = 32): Promise<Uint8Array> {
    const { exporterSecret } = this.#state.keySchedule;
    return mlsExporter(exporterSecret, label, utf8('hushwire'), bytes, await loadSuite());
  }

  /**
   * The plaintext for all members, bound to `context`, which everybody can read. The next group must be stored before the message leaves: one key
   * is used once. Throws `forbidden` when removed, `payload_too_large` when it does not fit into 64 KiB.
   */
  async seal(plaintext: Uint8Array, context: Uint8Array): Promise<{ message: Uint8Array; next: Group }> {
    this.#requireMember();
    const cs = await loadSuite();
    const sealed = await createApplicationMessage(this.#state, pad(plaintext, OVERHEAD_BYTES), cs, context);
    const { privateMessage } = sealed;
    const message = encodeMlsMessage({ version: 'mls10', wireformat: 'mls_private_message', privateMessage });
    return { message: fillBucket(message), next: new Group(sealed.newState) };
  }

  /** Adds and removes devices, and in any case renews this device's keys. Throws `forbidden` when removed. */
  async change({ add = [], remove = [], info }: ChangeOptions = {}): Promise<Change> {
    this.#requireMember();
    const extensions =
      info === undefined ? [] : [{ extensionType: INFO_EXTENSION, extensionData: Uint8Array.from(info) }];
    const made = await createCommit(
      { state: this.#state, cipherSuite: await loadSuite() },
      {
        extraProposals: [...this.#removals(remove), ...add.map(addition)],
        ratchetTreeExtension: true,
        groupInfoExtensions: extensions,
      },
    );
    const { welcome } = made;
    return {
      commit: fillBucket(encodeMlsMessage(made.commit)),
      next: new Group(made.newState),
      welcome:
        welcome && fillBucket(encodeMlsMessage({ version: 'mls10', wireformat: 'mls_welcome', welcome })),
    };
  }

  /** Takes in what the channel brought, bound to `context`. Never throws for what a peer or the relay sent. */
  async receive(bytes: Uint8Array, context: Uint8Array): Promise<Received> {
    const message = decode(bytes);
    if (message?.wireformat !== 'mls_private_message' || !this.isMember) return { kind: 'refused' };
    const { privateMessage } = message;
    if (!equalBytes(privateMessage.groupId, this.#state.groupContext.groupId)) return { kind: 'refused' };
    const isPast = privateMessage.epoch < this.epoch;
    const isReadable = !isPast || this.#state.historicalReceiverData.has(privateMessage.epoch);
    if (!isReadable || (isPast && privateMessage.contentType === 'commit')) return { kind: 'past' };
    if (
      privateMessage.contentType === 'application' &&
      !equalBytes(privateMessage.authenticatedData, context)
    )
      return { kind: 'refused' };
    try {
      return await this.#process(privateMessage);
    } catch {
      // The library tells why in prose only; whatever it was, this message changes nothing.
      return { kind: 'refused' };
    }
  }

  async #process(message: PrivateMessage): Promise<Received> {
    const cs = await loadSuite();
    const from = await this.#senderOf(message);
    if (from === 'own') return { kind: 'own' };
    const result = await processPrivateMessage(this.#state, message, emptyPskIndex, cs);
    const group = new Group(result.newState);
    if (result.kind === 'newState') return { kind: 'commit', group };
    const plaintext = unpad(Uint8Array.from(result.message));
    return plaintext === undefined || from === undefined
      ? { kind: 'refused' }
      : { kind: 'message', group, from, plaintext };
  }

  /** By its leaf, which is encrypted; that its key signed the message is checked with the message. */
  async #senderOf(message: PrivateMessage): Promise<MemberDevice | 'own' | undefined> {
    const { historicalReceiverData, keySchedule, ratchetTree, privatePath } = this.#state;
    const past = message.epoch < this.epoch ? historicalReceiverData.get(message.epoch) : undefined;
    const { senderDataSecret } = past ?? keySchedule;
    const sender = await decryptSenderData(message, senderDataSecret, await loadSuite());
    if (sender === undefined) return undefined;
    if (sender.leafIndex === privatePath.leafIndex) return 'own';
    const node = (past?.ratchetTree ?? ratchetTree)[sender.leafIndex * 2];
    return node?.nodeType === 'leaf' ? deviceOf(node.leaf.credential) : undefined;
  }

  #leaves(): { readonly index: number; readonly device: MemberDevice }[] {
    return this.#state.ratchetTree.flatMap((node, at) => {
      const device = node?.nodeType === 'leaf' ? deviceOf(node.leaf.credential) : undefined;
      return device === undefined ? [] : [{ index: at / 2, device }];
    });
  }

  #removals(devices: readonly MemberDevice[]): Proposal[] {
    return this.#leaves()
      .filter(({ device }) => devices.some(({ deviceId }) => deviceId === device.deviceId))
      .map(({ index }) => ({ proposalType: 'remove', remove: { removed: index } }));
  }

  #requireMember(): void {
    if (!this.isMember) throw new Failure('forbidden', { detail: 'This device was removed from the group' });
  }
}

export interface Joined {
  readonly group: Group;
  readonly info: Uint8Array | undefined;
}

function addition(keyPackage: MadePackage['publicPackage']): Proposal {
  return { proposalType: 'add', add: { keyPackage } };
}
