import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { Log, LogLevel, Miniflare } from 'miniflare';
import { CHECKOUT } from './checkout.ts';
import { type EdgeOptions, environment } from './edge.ts';
import type { Running } from './process.ts';

/** The date of the runtime's behaviour that the edge is written and tested for. */
export const COMPATIBILITY_DATE = '2026-04-01';
/** A tenth of the 3 MB that Workers' free plan took (Cloudflare, "Limits"; 10 MB the paid one): what is over it was not
 * meant to be in it. */
export const WORKER_GZIP_MAX_BYTES = 300 * 1024;
const WORKER = join('edge', 'worker.ts');

export interface Bundle {
  readonly script: string;
  readonly bytes: number;
  readonly gzipBytes: number;
}

/** What Workers take: one file. Rejects with esbuild's words when it cannot be built. */
export async function bundleWorker(entry: string = WORKER): Promise<Bundle> {
  const { outputFiles } = await build({
    entryPoints: [join(CHECKOUT, entry)],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    conditions: ['workerd', 'worker', 'browser'],
    write: false,
    logLevel: 'silent',
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error('esbuild made no file');
  const { text, contents } = file;
  return { script: text, bytes: contents.length, gzipBytes: gzipSync(contents).length };
}

export interface WorkerOptions {
  readonly entry: string;
  readonly port: number;
  readonly bindings: Readonly<Record<string, string>>;
}

interface Script extends Omit<WorkerOptions, 'entry'> {
  readonly script: string;
}

export interface Workerd extends Running {
  readonly lines: string[];
}

/** The edge on a real workerd, on 127.0.0.1, with the same options as on Deno; from a bundle made elsewhere, if given. */
export async function startWorkerd(options: EdgeOptions, given?: Pick<Bundle, 'script'>): Promise<Workerd> {
  const { script } = given ?? (await bundleWorker());
  return startScript({ script, port: options.port, bindings: environment(options) });
}

/** Any worker on a real workerd, on 127.0.0.1. */
export async function startBundle({ entry, port, bindings }: WorkerOptions): Promise<Workerd> {
  const { script } = await bundleWorker(entry);
  return startScript({ script, port, bindings });
}

async function startScript({ script, port, bindings }: Script): Promise<Workerd> {
  const lines: string[] = [];
  const runtime = new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.mjs', contents: script }],
    compatibilityDate: COMPATIBILITY_DATE,
    host: '127.0.0.1',
    port,
    bindings: { ...bindings },
    cf: false,
    log: new Log(LogLevel.ERROR),
    handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
      for (const stream of [stdout, stderr])
        stream.on('data', (chunk: Buffer) =>
          lines.push(
            ...String(chunk)
              .split('\n')
              .filter((line) => line !== ''),
          ),
        );
    },
  });
  try {
    const url = await runtime.ready;
    return {
      url: url.origin,
      port: Number(url.port),
      pid: undefined,
      lines,
      stop: () => runtime.dispose(),
    };
  } catch (error) {
    await runtime.dispose();
    throw error;
  }
}
