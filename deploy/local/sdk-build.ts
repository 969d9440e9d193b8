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
    external: [...NOT_BUNDLED],
    logLevel: 'silent',
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error('esbuild made no file');
  const { text, contents } = file;
  return { script: text, bytes: contents.length, gzipBytes: gzipSync(contents).length };
}
