import { buildSdk, SDK_GZIP_MAX_BYTES } from './sdk-build.ts';
import { bundleWorker, WORKER_GZIP_MAX_BYTES } from './servers/workerd.ts';
import { bundleWeb, WEB_GZIP_MAX_BYTES } from './web-build.ts';

/** Builds what is shipped as one file, prints the sizes, and ends with 1 when one cannot be built or has grown too large. */
try {
  const [worker, sdk, web] = await Promise.all([bundleWorker(), buildSdk(), bundleWeb()]);
  const sized = [
    { name: 'edge for Workers', ...worker, maxBytes: WORKER_GZIP_MAX_BYTES },
    { name: 'SDK for browsers, without MLS', ...sdk, maxBytes: SDK_GZIP_MAX_BYTES },
    { name: 'web messenger, all of it', ...web, maxBytes: WEB_GZIP_MAX_BYTES },
  ];
  for (const { name, bytes, gzipBytes, maxBytes } of sized)
    console.log(`${name}: ${kib(bytes)} KiB, gzipped ${kib(gzipBytes)} of at most ${kib(maxBytes)} KiB`);
  process.exitCode = sized.some(({ gzipBytes, maxBytes }) => gzipBytes > maxBytes) ? 1 : 0;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

function kib(bytes: number): string {
  return (bytes / 1024).toFixed(1);
}
