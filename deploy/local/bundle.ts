import { bundleWorker } from './servers/workerd.ts';

/** A tenth of the 3 MB that Workers' free plan takes (Cloudflare, "Limits"): what is over it was not meant to be in it. */
const GZIP_MAX_BYTES = 300 * 1024;

/** Builds the edge for Workers, prints its size, and ends with 1 when it cannot be built or has grown too large. */
try {
  const { bytes, gzipBytes } = await bundleWorker();
  console.log(
    `edge for Workers: ${kib(bytes)} KiB, gzipped ${kib(gzipBytes)} of at most ${kib(GZIP_MAX_BYTES)} KiB`,
  );
  process.exitCode = gzipBytes > GZIP_MAX_BYTES ? 1 : 0;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

function kib(bytes: number): number {
  return Math.round(bytes / 1024);
}
