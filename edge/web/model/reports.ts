/**
 * Reports: a member proves to the moderators what somebody sent, and the service that passes them on can read none of it.
 * They travel by mail to each device of each moderator, which believes nothing that does not verify.
 */
import { signal } from '@preact/signals';
import { fromUtf8, utf8 } from '../../../shared/bytes.ts';
import type { Messenger } from '../../../shared/client/mls/messenger.ts';
import {
  createReportReader,
  type Report,
  type ReportKeys,
  sealReport,
} from '../../../shared/client/report.ts';
import { Failure, toFailure } from '../../../shared/failure.ts';
import type { PublicKeys } from '../../../shared/token.ts';
import {
  type Database,
  readOwn,
  type StoredMessage,
  type StoredReport,
  writeOwn,
} from '../store/database.ts';
import { readContent } from './content.ts';
import type { Conversation } from './conversation.ts';
import type { Place } from './moderation.ts';
import { roleOf } from './roles.ts';

export interface ReportsPorts {
  readonly database: Database;
  readonly conversations: () => readonly Conversation[];
}

/** In front of a report, so that other mail is told from it. */
const MAGIC = utf8('hushwire report 1\n');
/** Reports that wait here; more are dropped until some were dealt with. */
const KEPT_MAX = 200;

export class Reports {
  /** What waits for a decision, of all channels. */
  readonly waiting = signal<readonly StoredReport[]>([]);
  /** How many came that nothing proves: their texts and senders are invented as easily as not, and not kept. */
  readonly unproved = signal(0);
  readonly #ports: ReportsPorts;
  #messenger: Messenger | undefined;
  #publicKeys: Promise<PublicKeys> | undefined;

  constructor(ports: ReportsPorts) {
    this.#ports = ports;
  }

  async load(): Promise<void> {
    const stored = await this.#ports.database.getAll('reports');
    this.waiting.value = stored.filter(({ isDone }) => !isDone);
    this.unproved.value = (await readOwn(this.#ports.database, 'unprovedReports')) ?? 0;
  }

  use(messenger: Messenger | undefined): void {
    this.#messenger = messenger;
    this.#publicKeys = undefined;
  }

  /** Reports a message to all moderators. Throws as `sealReport`, and `not_found` where no moderator is known. */
  async report({ messenger, conversation }: Place, { id, proof }: StoredMessage): Promise<void> {
    if (proof === undefined) throw new Failure('report_refused');
    const targets = this.#moderatorDevices(conversation, messenger.userId);
    if (targets.length === 0) throw new Failure('not_found');
    const moderation = messenger.client.moderation(conversation.channelId);
    const to = targets.map(({ key }) => key);
    const sealed = await sealReport(moderation, { message: { id, ...proof }, to });
    await Promise.all(
      targets.map(({ userId, deviceId }, i) =>
        messenger.client.mailbox.send(userId, () => mailOf(sealed[i] ?? ''), { deviceIds: [deviceId] }),
      ),
    );
  }

  /** Mail that is a report of a channel this account moderates, and holds, is kept. */
  async take(mail: Uint8Array): Promise<void> {
    if (this.#messenger === undefined || !MAGIC.every((byte, i) => mail[i] === byte)) return;
    if (this.waiting.value.length >= KEPT_MAX) return;
    const report = await this.#read(this.#messenger, mail);
    if (report === undefined) return;
    if (report === 'unproved') return this.countUnproved(this.unproved.value + 1);
    const { channelId, messageId, from, bytes, relayedMs } = report;
    const { database } = this.#ports;
    if ((await database.get('reports', [channelId, messageId])) !== undefined) return;
    const content = readContent(bytes);
    const text = content?.kind === 'text' ? content.text : '';
    await database.put('reports', { channelId, messageId, from, text, relayedMs, isDone: false });
    await this.load();
  }

  /** A decision was made; the same message is not brought up again. */
  async close(report: StoredReport): Promise<void> {
    await this.#ports.database.put('reports', { ...report, text: '', isDone: true });
    await this.load();
  }

  /** Forgets what was reported in a channel. */
  async drop(channelId: string): Promise<void> {
    await this.#ports.database.delete('reports', IDBKeyRange.bound([channelId], [channelId, []]));
    await this.load();
  }

  /** Another count of what came unproved. */
  async countUnproved(count: number): Promise<void> {
    this.unproved.value = count;
    await writeOwn(this.#ports.database, 'unprovedReports', count);
  }

  async #read(messenger: Messenger, mail: Uint8Array): Promise<Report | 'unproved' | undefined> {
    const keys = await this.#keys(messenger);
    if (keys === undefined) return undefined;
    const publicKeys = await this.#edgeKeys();
    const text = readText(mail.subarray(MAGIC.length));
    let held: 'unproved' | undefined;
    // The report says itself which channel it is about; on the way nobody may know.
    for (const { channelId, info } of this.#ports.conversations()) {
      if (roleOf(info.value, messenger.userId) === 'member') continue;
      const read = createReportReader({ channelId, keys, edge: location.origin, publicKeys });
      const report = await read(text).catch(unprovedOnly);
      if (typeof report === 'object') return report;
      held = report;
    }
    return held;
  }

  async #keys({ client }: Messenger): Promise<ReportKeys | undefined> {
    const device = await readOwn(this.#ports.database, 'device');
    return device && { publicKey: client.card.agreementKey, privateKey: device.agreement.privateKey };
  }

  /** Throws `unavailable`: the mail comes again. */
  #edgeKeys(): Promise<PublicKeys> {
    const asked = this.#publicKeys ?? askEdgeKeys();
    this.#publicKeys = asked;
    asked.catch(() => {
      this.#publicKeys = undefined;
    });
    return asked;
  }

  #moderatorDevices({ info }: Conversation, self: string) {
    return Object.entries(info.value.moderators ?? {})
      .filter(([userId]) => userId !== self && info.value.members.includes(userId))
      .flatMap(([userId, keys]) =>
        Object.entries(keys).map(([deviceId, key]) => ({ userId, deviceId, key })),
      );
  }
}

function mailOf(report: string): Uint8Array {
  const bytes = utf8(report);
  const mail = new Uint8Array(MAGIC.length + bytes.length);
  mail.set(MAGIC);
  mail.set(bytes, MAGIC.length);
  return mail;
}

function readText(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch {
    return ''; // Refused like any other report that is none.
  }
}

async function askEdgeKeys(): Promise<PublicKeys> {
  const answer = await fetch('/.well-known/jwks.json');
  if (!answer.ok) throw new Failure('unavailable');
  return (await answer.json()) as PublicKeys; // The page's own origin; a wrong shape verifies nothing.
}

/** What is not for these keys is nothing; that something is missing here is worth another try. */
function unprovedOnly(error: unknown): 'unproved' | undefined {
  const { code, retry } = toFailure(error);
  if (retry !== 'never') throw error;
  return code === 'report_refused' ? 'unproved' : undefined;
}
