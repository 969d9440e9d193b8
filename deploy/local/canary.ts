import { randomBytes } from 'node:crypto';
import { Canaries } from './canary/canaries.ts';
import { FORMS, formsOf, write } from './canary/forms.ts';
import { placesOf, type SearchedPlace } from './canary/places.ts';
import { runScenario } from './canary/scenario.ts';
import { fineExpiries, fineTimes } from './canary/times.ts';
import { runProgram } from './command-line.ts';
import { freePort } from './ports.ts';
import { startStack } from './stack.ts';
import { type Finding, type Needle, search } from './try/search.ts';
import { postgresContents, redisContents } from './try/stores.ts';

const HELP = `npm run canary

Does everything the service does, on a stack of its own, with ids, addresses, user agents, texts, secrets and tokens that
exist nowhere else, and searches everything that is stored, logged or told for each of them: in every encoding, and in every
digest without a key. Then it plants a leak of every form in every place, and searches again: each must be found.

  --help   this text

The exit code is 0 when nothing was found but what was planted, and all of that. The last line is JSON.`;

/** Bytes of what is planted: as many as an id has. */
const PLANTED_BYTES = 16;

/** `npm run canary`: resolves with the exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(args, { help: HELP, options: {}, read: () => undefined, run: scanAndTell });
}

async function scanAndTell(): Promise<number> {
  const result = await scan((sentence) => console.log(sentence));
  for (const { what, form, where } of result.findings) console.log(`FOUND: ${what}, as ${form}, in ${where}`);
  for (const missed of result.missed) console.log(`NOT CAUGHT: ${missed}`);
  const { canaries, places, findings, planted, missed } = result;
  const isWell = findings.length === 0 && missed.length === 0;
  console.log(
    isWell ? 'Nothing was left anywhere, and every planted leak was caught.' : 'It did NOT hold; see above.',
  );
  const counts = { canaries, places, hits: findings.length, plantedCaught: planted - missed.length, planted };
  console.log(JSON.stringify(counts));
  return isWell ? 0 : 1;
}

export interface Scan {
  readonly canaries: number;
  readonly places: number;
  readonly findings: readonly Finding[];
  readonly planted: number;
  readonly missed: readonly string[];
}

/** Runs the scenario and both searches. */
export async function scan(say: (sentence: string) => void): Promise<Scan> {
  const metricsPort = await freePort();
  const edgeEnv = {
    HUSHWIRE_EDGE_TRUSTED_PROXIES: '127.0.0.1',
    HUSHWIRE_EDGE_METRICS_PORT: String(metricsPort),
  };
  const stack = await startStack({ given: { webOrigins: [], originEnv: {}, edgeEnv } });
  let end = (): void => undefined;
  try {
    const canaries = new Canaries();
    end = await runScenario({ edge: stack.edgeUrl, canaries, say });
    const places = placesOf({ stack, edgeMetricsUrl: `http://127.0.0.1:${metricsPort}/metrics` });
    const needles = canaries.all.flatMap(({ what, bytes }) => formsOf(what, bytes));
    say(`searching ${places.length} places for ${canaries.all.length} canaries in ${FORMS.length} forms`);
    const findings: Finding[] = [];
    for (const place of places) {
      const result = await search(place.read(), needles);
      if (result.pieces === 0) throw new Error(`There is nothing in ${place.name}, so nothing was searched`);
      say(`${place.name}: ${result.pieces} pieces, ${result.totalBytes} bytes`);
      findings.push(...result.findings);
    }
    const { redisUrl, databaseUrl } = stack;
    const fine = [
      ...(await fineTimes(redisContents(redisUrl))),
      ...(await fineTimes(postgresContents(databaseUrl))),
      ...(await fineExpiries(redisUrl)),
    ];
    findings.push(...fine.map(({ where, time }) => ({ what: `the time ${time}`, form: 'a time', where })));
    const missed: string[] = [];
    for (const place of places) missed.push(...(await plantIn(place)));
    say(`${FORMS.length} leaks planted in each place`);
    return {
      ...{ canaries: canaries.all.length, places: places.length, findings },
      ...{ planted: places.length * FORMS.length, missed },
    };
  } finally {
    end();
    await stack.stop();
  }
}

/** A leak of every form, each of something of its own; those that are not found. */
async function plantIn(place: SearchedPlace): Promise<string[]> {
  const needles: Needle[] = [];
  const leaks: Buffer[] = [];
  for (const form of FORMS) {
    const secret = randomBytes(PLANTED_BYTES);
    const what = `a leak as ${form} in ${place.name}`;
    needles.push(...formsOf(what, secret));
    leaks.push(write(form, secret));
  }
  await place.plant(leaks);
  const { findings } = await search(place.read(), needles);
  const caught = new Set(findings.map(({ what }) => what));
  return [...new Set(needles.map(({ what }) => what))].filter((what) => !caught.has(what));
}
