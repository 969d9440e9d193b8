/** Who the probe is: two accounts and their channel, made once and kept in a file, so that each run only signs in. */
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DeviceStore } from '../../../shared/client/device.ts';
import { type DeviceRecord, fromRecord, toRecord } from '../../../shared/client/device-record.ts';

interface IdentityFile {
  readonly edge: string;
  readonly devices: Readonly<Record<string, DeviceRecord>>;
  readonly channelId?: string;
}

/** Only its owner may read it: it holds private keys, of accounts that can do nothing but talk to each other. */
const MODE = 0o600;

export class Identity {
  readonly #path: string;
  #file: IdentityFile;

  private constructor(path: string, file: IdentityFile) {
    this.#path = path;
    this.#file = file;
  }

  /** Throws an Error in plain words when the file belongs to another edge or holds something else. */
  static async open(path: string, edge: string): Promise<Identity> {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new Error(`Cannot read ${path} (${error.message}); name another file with --state`);
    });
    const file = text === undefined ? { edge, devices: {} } : parse(text, path);
    if (file.edge !== edge)
      throw new Error(`${path} belongs to ${file.edge}; name another file with --state, or remove it`);
    return new Identity(path, file);
  }

  get channelId(): string | undefined {
    return this.#file.channelId;
  }

  async setChannel(channelId: string): Promise<void> {
    await this.#save({ ...this.#file, channelId });
  }

  store(name: string): DeviceStore {
    return {
      holdsKeyObjects: false,
      load: async () => {
        const device = this.#file.devices[name];
        return device === undefined ? undefined : fromRecord(device);
      },
      save: async (device) => {
        const devices = { ...this.#file.devices, [name]: await toRecord(device) };
        await this.#save({ ...this.#file, devices });
      },
    };
  }

  async #save(file: IdentityFile): Promise<void> {
    this.#file = file;
    try {
      await replaceFile(this.#path, JSON.stringify(file));
    } catch (cause) {
      const { message } = cause as Error;
      throw new Error(`Cannot write ${this.#path} (${message}); name another file with --state`, { cause });
    }
  }
}

/** Written beside and renamed, so that a run that is cut short leaves the old one whole; its directory is made. */
async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.${process.pid}`;
  await writeFile(beside, text, { mode: MODE });
  await chmod(beside, MODE);
  await rename(beside, path);
}

function parse(text: string, path: string): IdentityFile {
  try {
    const file = JSON.parse(text) as IdentityFile;
    if (typeof file.edge === 'string' && typeof file.devices === 'object') return file;
  } catch {
    // told below, in the same words
  }
  throw new Error(`${path} is not a probe's state; name another file with --state, or remove it`);
}
