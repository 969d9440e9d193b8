// Ends with 0 when the health endpoint in the first argument answers well. Plain JavaScript: it runs every few seconds.
const [, , url] = process.argv;
try {
  process.exitCode = (await fetch(url, { signal: AbortSignal.timeout(3_000) })).ok ? 0 : 1;
} catch {
  process.exitCode = 1; // It does not listen.
}
