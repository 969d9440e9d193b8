/**
 * The disasters, one after another, each with what must hold afterwards and how long it took:
 *
 * | act | lost | restored from |
 * |---|---|---|
 * | `redis` | both Redis roles, with all they held | Postgres, and the clients |
 * | `dump` | the database, a while after the last dump | the encrypted dump, held against its checksums |
 * | `pointInTime` | the database, in full use | base backup and write-ahead log |
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import postgres from 'postgres';
import { type Checksums, checksumsOf, differences } from '../../backup/checksums.ts';
import { makeBackup } from '../../backup/dump.ts';
import { makeBase, prepareRestore, receiveWal } from '../../backup/point-in-time.ts';
import { restoreBackup } from '../../backup/restore.ts';
import { Person } from './people.ts';
import type { Place } from './place.ts';

export interface Keys {
  readonly recipient: string;
  readonly identity: string;
}

export interface ActOptions {
  readonly place: Place;
  readonly keys: Keys;
  readonly say: (sentence: string) => void;
  /** Notes what must hold; `isTrue` false fails the drill. */
  readonly check: (isTrue: boolean, sentence: string) => void;
}

/** Recovery point (seconds of accepted writes that are gone) and recovery time (seconds until messages flow again). */
export interface Measured {
  readonly rpoSeconds: number;
  readonly rtoSeconds: number;
}

const HEAR_TIMEOUT_MS = 60_000;

export class Drill {
  readonly #options: ActOptions;
  readonly #alice: Person;
  readonly #bob: Person;
  #channelId = '';
  /** Accounts made so far, and which of them were made when. */
  readonly #made: { readonly person: Person; readonly atMs: number }[] = [];
  readonly #channelKeys = new Map<string, Uint8Array<ArrayBuffer>>();

  constructor(options: ActOptions) {
    this.#options = options;
    const { edgeUrl } = options.place;
    this.#alice = new Person(edgeUrl, this.#channelKeys);
    this.#bob = new Person(edgeUrl, this.#channelKeys);
  }

  /** Two people who talk, and a service that is backed up. */
  async begin(): Promise<void> {
    const alice = await this.#alice.comeOnline();
    const bob = await this.#bob.comeOnline();
    this.#channelId = await alice.createChannel();
    await alice.addMember(this.#channelId, bob.userId);
    await this.#talk();
  }

  async loseRedis(): Promise<Measured> {
    const { place, say, check } = this.#options;
    const lostMs = Date.now();
    await place.loseRedis();
    say('Redis is gone, with every log, mailbox, session copy and mark; an empty one stands in its place');
    await this.#talkUntilHeard();
    const rtoSeconds = (Date.now() - lostMs) / 1_000;
    check(this.#bob.gaps > 0, 'Bob was told that he may have missed messages');
    await this.#alice.comeOnline();
    await this.#bob.comeOnline();
    await this.#talk();
    check(true, 'both signed in again as themselves, and talk');
    return { rpoSeconds: 0, rtoSeconds };
  }

  /** What was accepted since the dump is lost, and everything else is there. */
  async loseDatabaseAfterDump(): Promise<Measured> {
    const { place, keys, say, check } = this.#options;
    const directory = join(place.home, 'backups');
    const backup = await makeBackup({
      ...{ databaseUrl: place.databaseUrl, directory, recipient: keys.recipient },
      nowMs: Date.now(),
    });
    const dumpedMs = Date.now();
    say(`Dumped and encrypted: ${backup.manifest.bytes} bytes`);
    const late = await this.#signUp();
    await this.#talk();
    const lostMs = Date.now();
    await this.#destroyDatabase('first');
    await place.startPostgres('second');
    await restoreBackup({ file: backup.file, identity: keys.identity, databaseUrl: place.databaseUrl });
    check(true, 'every table of the dump is back, by its checksum');
    await place.startStack();
    await this.#comeBack();
    const rtoSeconds = (Date.now() - lostMs) / 1_000;
    check(await isRefused(late), 'an account made after the dump is gone, as the recovery point says');
    return { rpoSeconds: (lostMs - dumpedMs) / 1_000, rtoSeconds };
  }

  /** Up to the last write that had reached the receiving host, everything is there. */
  async loseDatabaseUnderArchive(): Promise<Measured> {
    const { place, keys, say, check } = this.#options;
    const archive = { databaseUrl: place.databaseUrl, directory: join(place.home, 'archive'), ...keys };
    const receiver = await receiveWal(archive);
    await makeBase(archive);
    say('Base backup made; the write-ahead log streams');
    const late = await this.#signUp();
    await this.#talk();
    const lastWriteMs = Date.now();
    const before = await this.#checksums();
    const lostMs = Date.now();
    await this.#destroyDatabase('second');
    await receiver.stop();
    await place.giveArchive(archive.directory);
    await place.adopt('third', (data) => prepareRestore({ ...archive, data }));
    await place.startPostgres('third');
    await waitForPromotion(place.databaseUrl);
    const wrong = differences(before, await this.#checksums());
    check(wrong.length === 0, `every table is as it was a moment before ${wrong.join('; ')}`);
    await place.startStack();
    await this.#comeBack();
    const rtoSeconds = (Date.now() - lostMs) / 1_000;
    check(!(await isRefused(late)), 'an account made a moment before is there');
    return { rpoSeconds: wrong.length === 0 ? 0 : (lostMs - lastWriteMs) / 1_000, rtoSeconds };
  }

  end(): void {
    for (const person of [this.#alice, this.#bob, ...this.#made.map(({ person }) => person)]) person.leave();
  }

  async #destroyDatabase(name: string): Promise<void> {
    const { place, say } = this.#options;
    await place.losePostgres(name);
    say('The database is gone, with its disk');
    this.end();
    await place.stopStack();
  }

  async #signUp(): Promise<Person> {
    const person = new Person(this.#options.place.edgeUrl, this.#channelKeys);
    await person.comeOnline();
    this.#made.push({ person, atMs: Date.now() });
    return person;
  }

  async #comeBack(): Promise<void> {
    await this.#alice.comeOnline();
    await this.#bob.comeOnline();
    await this.#talk();
  }

  /** Alice says something that Bob must hear. */
  async #talk(): Promise<void> {
    for (const person of [this.#alice, this.#bob]) await person.listen(this.#channelId);
    await this.#talkUntilHeard();
  }

  async #talkUntilHeard(): Promise<void> {
    const text = randomUUID();
    await this.#alice.client.channel(this.#channelId).publish(text);
    const deadlineMs = Date.now() + HEAR_TIMEOUT_MS;
    while (!this.#bob.heard.includes(text)) {
      if (Date.now() > deadlineMs) throw new Error('Bob heard nothing for a minute');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #checksums(): Promise<Checksums> {
    const sql = postgres(this.#options.place.databaseUrl, { max: 1, onnotice: () => undefined });
    try {
      const { calls: _, ...lasting } = await checksumsOf(sql); // Marks of calls come and go by the second.
      return lasting;
    } finally {
      await sql.end();
    }
  }
}

/** A recovering server answers questions before it takes writes. */
async function waitForPromotion(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    for (;;) {
      const [row] = await sql<{ recovering: boolean }[]>`select pg_is_in_recovery() as recovering`;
      if (row?.recovering === false) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    await sql.end();
  }
}

async function isRefused(person: Person): Promise<boolean> {
  try {
    await person.comeOnline();
    return false;
  } catch {
    return true;
  } finally {
    person.leave();
  }
}
