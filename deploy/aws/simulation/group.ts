/**
 * A group of instances under a load, minute by minute in steps of ten seconds. Modelled on what AWS documents: target
 * tracking acts on three minutes above its target, with a minute of delay; instances that warm up do not count in averages
 * but do count as capacity that is on its way; a simple policy waits for its cooldown. New connections go where fewest are
 * and then stay, so a fresh instance helps only with what comes anew.
 */
import { DRAIN } from '../timings.ts';
import type { Load } from './load.ts';
import type { Point, Policies, ScaleIn } from './policies.ts';

const STEP = 10;
const STEPS_A_MINUTE = 60 / STEP;
/** From the decision to the first connection: slow for a small image, so that the verdict is on the safe side. */
const BOOT = 120;
/** Until the group has noticed that an instance is gone and decided to replace it. */
const NOTICE = 90;
const TRACKING_PERIODS = 3;
/** People reconnect now and then (phones, trains): this share of all connections, a minute. */
const CHURN = 0.01;
const BASE_CPU = 3;

interface Instance {
  connections: number;
  readonly readyAt: number;
  readonly warmAt: number;
  /** When it began to drain; its connections move over the window. */
  leavingAt?: number;
}

export interface Minute {
  readonly minute: number;
  readonly desired: number;
  /** Instances that take connections. */
  readonly ready: number;
  /** Percent of the fullest instance: of connections or processor, whichever is more. */
  readonly fullest: number;
  readonly isFailing: boolean;
}

export interface Change {
  readonly minute: number;
  readonly by: number;
}

export interface Trace {
  readonly minutes: readonly Minute[];
  readonly changes: readonly Change[];
}

/** Runs the whole curve; the same input gives the same trace. */
export function simulate(policies: Policies, load: Load): Trace {
  const group = new Group(policies, load);
  const steps = load.hours * 60 * STEPS_A_MINUTE;
  for (let step = 0; step < steps; step++) group.advance(step * STEP);
  return { minutes: group.minutes, changes: group.changes };
}

class Group {
  readonly minutes: Minute[] = [];
  readonly changes: Change[] = [];
  readonly #policies: Policies;
  readonly #load: Load;
  readonly #points: Point[] = [];
  /** Instances that each point is an average of. */
  readonly #warm: number[] = [];
  #instances: Instance[];
  #desired: number;
  #inAllowedAt = 0;
  /** Lost instances still count as there until this is past. */
  #losses: number[] = [];

  constructor(policies: Policies, load: Load) {
    this.#policies = policies;
    this.#load = load;
    this.#desired = policies.min;
    const each = load.connections(0) / policies.min;
    const made = () => ({ connections: each, readyAt: 0, warmAt: 0 });
    this.#instances = Array.from({ length: policies.min }, made);
  }

  advance(now: number): void {
    this.#spread(now);
    if (now % 60 !== 0) return;
    const minute = now / 60;
    if (this.#load.losses?.includes(minute)) this.#lose(now);
    this.#measure(minute);
    this.#scaleOut(minute);
    this.#scaleIn(now);
    this.#launch(now);
  }

  /** Moves connections: who leaves or drains goes, who comes goes where fewest are. */
  #spread(now: number): void {
    const takers = this.#takers(now);
    const before = this.#total();
    for (const each of this.#instances) {
      const isLeaving = each.leavingAt !== undefined;
      each.connections *= 1 - (isLeaving ? STEP / DRAIN.window : CHURN / STEPS_A_MINUTE);
    }
    this.#instances = this.#instances.filter(
      ({ leavingAt }) => leavingAt === undefined || now - leavingAt < DRAIN.cap,
    );
    const wanted = this.#load.connections(now / 60);
    if (wanted < before) for (const each of this.#instances) each.connections *= wanted / before;
    pour(takers, wanted - this.#total());
  }

  #takers(now: number): Instance[] {
    return this.#instances.filter(({ readyAt, leavingAt }) => readyAt <= now && leavingAt === undefined);
  }

  #total(): number {
    return this.#instances.reduce((sum, { connections }) => sum + connections, 0);
  }

  #lose(now: number): void {
    const [lost] = this.#takers(now);
    this.#instances = this.#instances.filter((each) => each !== lost);
    this.#losses.push(now + NOTICE);
  }

  #measure(minute: number): void {
    const takers = this.#takers(minute * 60);
    const warm = takers.filter(({ warmAt }) => warmAt <= minute * 60);
    this.#warm.push(warm.length);
    const failing = this.#load.failing?.(minute) ?? 0;
    const commands = this.#total() * 10_000;
    this.#points.push(
      this.#load.isSilent?.(minute)
        ? {
            cpu: undefined,
            connections: undefined,
            loop: undefined,
            commands: undefined,
            failures: undefined,
          }
        : {
            cpu: average(warm.map((each) => this.#cpu(each))),
            connections: average(warm.map(({ connections }) => connections * 100)),
            // The busiest process of an instance has a fifth more to do than the others.
            loop: average(warm.map((each) => Math.min(100, this.#cpu(each) * 1.2))),
            commands,
            failures: commands * failing,
          },
    );
    const fullest = Math.max(...takers.map((each) => Math.max(each.connections * 100, this.#cpu(each))));
    this.minutes.push({
      minute,
      desired: this.#desired,
      ready: takers.length,
      fullest,
      isFailing: failing > 0.001,
    });
  }

  #cpu({ connections }: Instance): number {
    return BASE_CPU + connections * 100 * (this.#load.cpuPerConnection ?? 1);
  }

  /** The policy that asks for most is followed. */
  #scaleOut(minute: number): void {
    const seen = this.#points.slice(-1 - TRACKING_PERIODS, -1);
    const warm = this.#warm.at(-2) ?? 0;
    for (const { metric, target } of this.#policies.out) {
      const values = seen.map((point) => point[metric] ?? 0);
      if (values.length < TRACKING_PERIODS || values.some((value) => value <= target)) continue;
      this.#want(minute, Math.ceil((warm * (values.at(-1) ?? 0)) / target), 'more');
    }
  }

  #scaleIn(now: number): void {
    for (const policy of this.#policies.in) {
      if (now < this.#inAllowedAt || !this.#isCalm(policy)) continue;
      const before = this.#desired;
      this.#want(now / 60, before + policy.adjustment, 'fewer');
      if (this.#desired < before) this.#inAllowedAt = now + policy.cooldownSeconds;
    }
  }

  #isCalm({ periods, needed, isCalm }: ScaleIn): boolean {
    const seen = this.#points.slice(-1 - periods, -1);
    return seen.length === periods && seen.filter(isCalm).length >= needed;
  }

  #want(minute: number, wanted: number, which: 'more' | 'fewer'): void {
    const bounded = Math.min(this.#policies.max, Math.max(this.#policies.min, wanted));
    const by = bounded - this.#desired;
    if (which === 'more' ? by <= 0 : by >= 0) return;
    this.#desired = bounded;
    this.changes.push({ minute, by });
  }

  /** Makes the group what is desired: launches, or drains the fullest, which is the hardest case. */
  #launch(now: number): void {
    this.#losses = this.#losses.filter((until) => until > now);
    const there = this.#instances.filter(({ leavingAt }) => leavingAt === undefined);
    const missing = this.#desired - there.length - this.#losses.length;
    for (let i = 0; i < missing; i++)
      this.#instances.push({
        connections: 0,
        readyAt: now + BOOT,
        warmAt: now + BOOT + this.#policies.warmUpSeconds,
      });
    const fullestFirst = there.sort((a, b) => b.connections - a.connections);
    for (const each of fullestFirst.slice(0, Math.max(0, -missing))) each.leavingAt = now;
  }
}

/** Fills the emptiest first, until `amount` is gone; a hundred drops are exact enough. */
function pour(takers: readonly Instance[], amount: number): void {
  if (amount <= 0) return;
  for (let i = 0; i < 100; i++) {
    const emptiest = takers.reduce<Instance | undefined>(
      (least, each) => (least === undefined || each.connections < least.connections ? each : least),
      undefined,
    );
    if (emptiest !== undefined) emptiest.connections += amount / 100;
  }
}

function average(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}
