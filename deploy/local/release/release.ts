/** One release of a local fleet under load: canary, roll, verify, and back. */

import { join } from 'node:path';
import type { Say } from '../command-line.ts';
import { probe } from '../probe.ts';
import { Crowd } from '../roll/crowd.ts';
import { type Fleet, startFleet } from '../roll/fleet.ts';
import { Tally, type Totals } from '../roll/tally.ts';
import { type Figures, figuresFrom, isTelling, judge, since } from './judge.ts';

export interface ReleaseOptions {
  readonly nodes: number;
  readonly connections: number;
  /** Messages a second. */
  readonly rate: number;
  /** For how long the canary is watched. */
  readonly watchMs: number;
  readonly oldTree: string;
  /** Undefined is this checkout. */
  readonly newTree: string | undefined;
  readonly say: Say;
}

export interface ReleaseOutcome {
  readonly totals: Totals;
  readonly gapsTold: number;
  readonly failedUpgrades: number;
  /** Why it was taken back; undefined when it was not. */
  readonly reason: string | undefined;
}

/** Over how long a node moves its clients here: a rehearsal has few. */
const WINDOW_MS = 1_000;
/** Watches in a row at most, while too little comes to the canary. */
const LOOKS_MAX = 3;
/** What was accepted must have arrived by then. */
const ARRIVAL_DEADLINE_MS = 30_000;
const GENTLY = { isKilled: false, isBeside: false } as const;

const PROBE = { messages: 5, maxMs: 1_000, timeoutMs: 20_000 };

/** A step says no; the message says why. */
class Refused extends Error {}

/** Whatever keeps a step from being done is a reason to go back. */
async function mustDo(step: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    const [sentence] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new Refused(`${step}: ${sentence}`);
  }
}

export class Release {
  readonly #options: ReleaseOptions;
  readonly #tallies: Tally[] = [];
  readonly #crowds: Crowd[] = [];
  readonly #hushes: (() => void)[] = [];
  /** Places that run the new release, in the order in which they began to. */
  readonly #done: number[] = [];
  #isEdgeNew = false;

  constructor(options: ReleaseOptions) {
    this.#options = options;
  }

  /** Starts the old release, brings in the new one and, if a step says no, the old one again. Ends all it started. */
  async run(): Promise<ReleaseOutcome> {
    const { nodes, oldTree, say, connections } = this.#options;
    const fleet = await startFleet({ nodes, windowMs: WINDOW_MS, tree: oldTree, say });
    try {
      await this.#bringIn(fleet, connections);
      const reason = await this.#steps(fleet);
      for (const hush of this.#hushes) hush();
      await this.#arrival();
      return { ...this.#sums(), reason };
    } finally {
      for (const crowd of this.#crowds) crowd.close();
      await fleet.stop();
    }
  }

  async #steps(fleet: Fleet): Promise<string | undefined> {
    try {
      await this.#canary(fleet);
      await this.#roll(fleet);
      await this.#verify(fleet);
      return undefined;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#options.say(`NO: ${error.message}`);
      await this.#back(fleet);
      return error.message;
    }
  }

  /** More clients, in channels of their own. */
  async #bringIn(fleet: Fleet, clients: number): Promise<void> {
    const { rate, say, connections } = this.#options;
    const tally = new Tally({ readers: clients, members: 4 });
    const crowd = new Crowd({ edge: fleet.edgeUrl, clients, tally, onProgress: () => undefined });
    this.#tallies.push(tally);
    this.#crowds.push(crowd);
    await crowd.gather();
    crowd.failedUpgrades = 0;
    this.#hushes.push(crowd.talk((rate * clients) / connections));
    say(`${clients} clients talk`);
  }

  async #canary(fleet: Fleet): Promise<void> {
    const { say, watchMs, connections } = this.#options;
    await this.#renew(fleet, 0);
    // Those who were there have moved away; whoever comes now finds an empty node.
    await mustDo('canary', () => this.#bringIn(fleet, Math.max(4, (connections / 2) & ~3)));
    const before = await this.#figures(fleet);
    say(`canary: watched for ${watchMs / 1_000} s`);
    const [canary, ...others] = await this.#watch(fleet, before);
    const fault = canary === undefined ? 'it is gone' : judge(canary, others);
    if (fault !== undefined) throw new Refused(`canary: ${fault}`);
    say(`canary: as well as the others (${canary?.publishes} messages, ${canary?.connections} connections)`);
  }

  /** What every node did; looks on, so often, while too little came to the first one. */
  async #watch(fleet: Fleet, before: readonly Figures[]): Promise<Figures[]> {
    for (let look = 1; ; look += 1) {
      await pause(this.#options.watchMs);
      const now = await this.#figures(fleet);
      const done = now.map((figures, i) => since(before[i] ?? figures, figures));
      if (look === LOOKS_MAX || done[0] === undefined || !done[0].isReady || isTelling(done[0])) return done;
    }
  }

  async #roll(fleet: Fleet): Promise<void> {
    for (let place = 1; place < this.#options.nodes; place += 1) await this.#renew(fleet, place);
    this.#isEdgeNew = true;
    await mustDo('roll: the edge', () => fleet.replaceEdge(this.#options.newTree));
    this.#options.say('roll: the edge was replaced');
  }

  async #renew(fleet: Fleet, place: number): Promise<void> {
    this.#done.push(place);
    const { newTree, say } = this.#options;
    const step = `${place === 0 ? 'canary' : 'roll'}: ${fleet.names[place]}`;
    await mustDo(step, () => fleet.replace(place, { ...GENTLY, tree: newTree }));
    say(`${step} was replaced`);
  }

  /** Every node takes connections, and messages cross from one to another. */
  async #verify(fleet: Fleet): Promise<void> {
    const { oldTree, say } = this.#options;
    const figures = await this.#figures(fleet);
    const silent = figures.findIndex(({ isReady }) => !isReady);
    if (silent >= 0) throw new Refused(`verify: ${fleet.names[silent]} is not ready`);
    const state = join(oldTree, '.probe.json');
    const result = await probe({ edge: fleet.edgeUrl, state, ...PROBE });
    if (!result.ok) throw new Refused(`verify: ${result.why}`);
    if (result.nodes[0] === result.nodes[1]) throw new Refused('verify: nothing crossed two nodes');
    say(`verify: ${figures.length} nodes ready, messages cross from ${result.nodes.join(' to ')}`);
  }

  async #back(fleet: Fleet): Promise<void> {
    const { oldTree, say } = this.#options;
    if (this.#isEdgeNew) await fleet.replaceEdge(oldTree);
    for (const place of this.#done.toReversed()) {
      await fleet.replace(place, { ...GENTLY, tree: oldTree });
      say(`back: ${fleet.names[place]} runs the old release again`);
    }
  }

  #figures(fleet: Fleet): Promise<Figures[]> {
    return Promise.all(
      fleet.names.map(async (_, place) => {
        const answer = await fetch(`${fleet.healthUrl(place)}/metrics`).catch(() => undefined);
        return figuresFrom((await answer?.text()) ?? '');
      }),
    );
  }

  async #arrival(): Promise<void> {
    const endMs = performance.now() + ARRIVAL_DEADLINE_MS;
    const isOwed = () =>
      this.#crowds.some(({ unanswered }) => unanswered > 0) || this.#sums().totals.lost > 0;
    while (performance.now() < endMs && isOwed()) await pause(100);
  }

  #sums(): Omit<ReleaseOutcome, 'reason'> {
    const all = this.#tallies.map((tally) => tally.totals());
    const sum = (of: (totals: Totals) => number) => all.reduce((total, one) => total + of(one), 0);
    return {
      totals: {
        accepted: sum(({ accepted }) => accepted),
        delivered: sum(({ delivered }) => delivered),
        lost: sum(({ lost }) => lost),
        duplicated: sum(({ duplicated }) => duplicated),
        reordered: sum(({ reordered }) => reordered),
      },
      gapsTold: this.#crowds.reduce((total, { gapsTold }) => total + gapsTold, 0),
      failedUpgrades: this.#crowds.reduce((total, { failedUpgrades }) => total + failedUpgrades, 0),
    };
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
