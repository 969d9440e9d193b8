/** `npm run fuzz` runs this with `--expose-gc`: `run.ts <frames> <seed>`. The last line is the result as JSON. */
import { fuzz, isWell } from './fuzz.ts';

const [frames = 0, seed = 0] = process.argv.slice(2).map(Number);
const { gc } = globalThis;
if (gc === undefined) throw new Error('Run this with --expose-gc');
const startedMs = performance.now();
const seconds = () => Math.round((performance.now() - startedMs) / 1_000);
let told = 0;
const result = await fuzz({
  frames,
  seed,
  collect: () => void gc(),
  onProgress: (done) => {
    if (done - told < frames / 10) return;
    told = done;
    console.log(`${String(seconds()).padStart(4)} s  ${done} of ${frames} frames`);
  },
});
for (const one of [...result.crashes, ...result.wrong]) console.log(one);
console.log(
  isWell(result) ? 'Every frame was answered as it had to be, and nothing is left.' : 'It did NOT hold.',
);
console.log(JSON.stringify({ seed, seconds: seconds(), ...result }));
process.exitCode = isWell(result) ? 0 : 1;
