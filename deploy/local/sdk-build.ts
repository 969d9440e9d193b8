import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { CHECKOUT } from './servers/checkout.ts';

/** What a page may be asked to load before it can say hello. */
export const SDK_GZIP_MAX_BYTES = 40 * 1024;

/** ts-mls loads these for suites that are not spoken. */
export const NOT_BUNDLED: readonly string[] = [
  '@noble/ciphers/chacha.js',
  '@noble/curves',
  '@noble/post-quantum',
  '@hpke/chacha20poly1305',
  '@hpke/dhkem-x448',
  '@hpke/hybridkem-x-wing',
  '@hpke/ml-kem',
];

/** What applications import, by the name package.json exports it under. */
export const SDK_ENTRIES: Readonly<Record<string, string>> = {
  client: 'shared/client/hushwire.ts',
  messenger: 'shared/client/mls/messenger.ts',
  attachment: 'shared/client/attachment.ts',
  signals: 'shared/client/signals.ts',
  receipts: 'shared/client/receipts.ts',
  typing: 'shared/client/typing.ts',
  'indexed-stores': 'shared/client/adapters/indexed-stores.ts',
  'file-stores': 'shared/client/adapters/file-stores.ts',
  'node-socket': 'shared/client/adapters/node-socket.ts',
  'invitation-link': 'shared/client/invitation-link.ts',
  report: 'shared/client/report.ts',
  'ban-list': 'shared/client/ban-list.ts',
};

/** Those of them that no browser loads, and what they find on Node or Deno. Anything else that asks for it fails to build. */
const OF_PROCESSES: readonly string[] = ['file-stores', 'node-socket'].map((name) =>
  String(SDK_ENTRIES[name]),
);
const IN_PROCESSES: readonly string[] = ['node:*', 'ws'];

/** An ES module that a browser loads as it is. */
export interface SdkBundle {
  readonly script: string;
  readonly bytes: number;
  readonly gzipBytes: number;
}

/** Everything a module of the SDK needs, in one file; `entry` is a path from the root of the tree. */
export async function buildSdk(entry = 'shared/client/hushwire.ts'): Promise<SdkBundle> {
  const { outputFiles } = await build({
    entryPoints: [join(CHECKOUT, entry)],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    write: false,
    external: [...NOT_BUNDLED, ...(OF_PROCESSES.includes(entry) ? IN_PROCESSES : [])],
    logLevel: 'silent',
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error('esbuild made no file');
  const { text, contents } = file;
  return { script: text, bytes: contents.length, gzipBytes: gzipSync(contents).length };
}
