/**
 * The second factor: what the account's TOTP record asks for, what was shown, and who decides.
 *
 * The origin decides, in the one transaction that also opens the session: whether a code was used, whether a device may
 * try, whether the record we judged by is the newest one. So nothing depends on what the state Redis may have lost, and
 * a sign-in takes no trip more than without a second factor. What the state Redis remembers refuses early, and holds
 * against an origin that was taken over: a used step or a locked device is refused without asking anybody.
 *
 * Right and wrong codes take the same way with the same calls, and whenever an attempt was not judged because the device
 * is locked, the answer is the same for both: nobody can try more codes than the lock allows by trying them at once.
 */
import { Failure } from '../shared/failure.ts';
import type { Tag } from '../shared/frame.ts';
import type { AttemptAnswer, Factor, SessionWritten, StaleTotp } from '../shared/internal/accounts.ts';
import { LOCKOUT, lockMs, locksOf } from '../shared/lockout.ts';
import { errorFields, type Log } from '../shared/log.ts';
import { totpCopy } from './copies.ts';
import type { Lookup } from './lookup.ts';
import type { Clock, Copy, FactorMemory, Failures, State } from './ports.ts';
import type { Records, TotpRecord } from './records.ts';
import { recoveryTag } from './recovery.ts';
import type { Tags } from './tags.ts';
import { stepOf } from './totp.ts';
import type { Found, Want } from './wants.ts';

/** What came with a request. */
export interface Shown {
  readonly totp?: string | undefined;
  readonly recoveryCode?: string | undefined;
}

/** Who shows it, what is known, and how the origin is asked. */
export interface Showing<A extends SessionWritten | AttemptAnswer> {
  readonly userId: string;
  readonly account: Tag;
  readonly device: Tag;
  readonly shown: Shown;
  /** The TOTP record as far as it is known; undefined: none, or unknown. */
  readonly totp: Found<TotpRecord> | undefined;
  readonly memory: FactorMemory | undefined;
  readonly requestId: string;
  /**
   * Does what the second factor is for, if the origin finds it good; may be called again with another one. `copies` are
   * for the state Redis to hold.
   */
  submit(factor: Factor, copies: readonly Copy[]): Promise<A>;
}

/** What the origin answered when it agreed, and by which record. */
export interface Settled<A> {
  readonly answer: Exclude<A, { readonly result: 'stale' | 'refused' }>;
  /** True when a second factor was asked for and shown. */
  readonly isShown: boolean;
  readonly isOn: boolean;
}

export interface SecondFactor {
  /**
   * Throws `second_factor_required` when one is asked for and none came, `second_factor_refused`, `second_factor_locked`
   * (with `retryAfterMs` unless it is for good), or `unavailable`.
   */
  settle<A extends SessionWritten | AttemptAnswer>(showing: Showing<A>): Promise<Settled<A>>;
}

export interface SecondFactorParts {
  readonly state: State;
  readonly lookup: Lookup;
  readonly records: Records;
  readonly tags: Tags;
  readonly clock: Clock;
  readonly log: Log;
}

/** The record may change while we ask, but not twice within one request unless somebody plays with us. */
const ROUNDS = 3;
const NOTHING: FactorMemory = { lastStep: 0, failures: 0, lockedUntilMs: 0 };

export function createSecondFactor(parts: SecondFactorParts): SecondFactor {
  return {
    settle: async <A extends SessionWritten | AttemptAnswer>(showing: Showing<A>): Promise<Settled<A>> => {
      let { totp } = showing;
      let copies: readonly Copy[] = [];
      let isSure = false;
      const believe = (found: Found<TotpRecord>) => {
        copies = [totpCopy(showing.account, found, parts.clock.now())];
        totp = found;
        isSure = true;
      };
      for (let round = 0; round < ROUNDS; round += 1) {
        const isOn = totp?.record.state === 'on';
        if (isOn && !isAnyShown(showing.shown)) {
          if (isSure) throw new Failure('second_factor_required');
          believe(await newest(totp, { showing, parts }));
          continue;
        }
        const judged = await judge(totp, { showing, parts });
        const [answer] = await Promise.all([
          showing.submit(judged.factor, copies),
          remember(judged, { showing, parts }),
        ]);
        if (answer.result === 'refused') throw await refusal(answer.failures, { showing, parts });
        // TypeScript does not narrow a type parameter; the two others are excluded here.
        if (answer.result !== 'stale')
          return {
            answer: answer as Settled<A>['answer'],
            isShown: judged.factor.attempt !== undefined,
            isOn,
          };
        believe(await openStale(answer as StaleTotp, { totp, showing, parts }));
      }
      throw new Failure('unavailable', { cause: new Error('The TOTP record changes all the time') });
    },
  };
}

/** True when a second factor came; throws `bad_request` when two did. */
export function isAnyShown({ totp, recoveryCode }: Shown): boolean {
  if (totp !== undefined && recoveryCode !== undefined)
    throw new Failure('bad_request', { detail: 'Either totp or recoveryCode' });
  return totp !== undefined || recoveryCode !== undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: what the origin answers makes no difference here.
type Context = { readonly showing: Showing<any>; readonly parts: SecondFactorParts };

/** `step`: the code was right, and belongs to this step. */
interface Judged {
  readonly factor: Factor;
  readonly step?: number;
}

async function judge(totp: Found<TotpRecord> | undefined, context: Context): Promise<Judged> {
  const { userId, shown, memory = NOTHING } = context.showing;
  const { tags, clock } = context.parts;
  if (totp?.record.state !== 'on') return { factor: { version: totp?.version ?? 0 } };
  const nowMs = clock.now();
  const seen = memory.failures;
  if (seen >= LOCKOUT.failuresMax || memory.lockedUntilMs > nowMs) throw locked(memory, nowMs);
  const { version } = totp;
  if (shown.totp === undefined) {
    const code = await recoveryTag(tags, userId, shown.recoveryCode ?? '');
    return { factor: { version, attempt: { seen, proof: { kind: 'recovery', code } } } };
  }
  const step = stepOf(shown.totp, { secret: totp.record.secret, nowMs });
  if (step === undefined) return { factor: { version, attempt: { seen, proof: { kind: 'wrong' } } } };
  if (step <= memory.lastStep) throw new Failure('second_factor_refused');
  const [mark, earlier] = await Promise.all([tags.step(userId, step), tags.step(userId, step - 1)]);
  return { factor: { version, attempt: { seen, proof: { kind: 'step', mark, earlier } } }, step };
}

/** Tells the state Redis beside asking the origin; the origin's word counts, so a failure is only logged. */
async function remember({ factor, step }: Judged, { showing, parts }: Context): Promise<void> {
  const { account, device, memory = NOTHING } = showing;
  const { state, clock, log } = parts;
  try {
    const nowMs = clock.now();
    if (step !== undefined) await state.useStep({ account, device }, { step, nowMs });
    if (factor.attempt?.proof.kind === 'wrong')
      await state.countFailures(device, { add: 1, atLeast: memory.failures, nowMs });
  } catch (error) {
    log('warn', 'factor.not_remembered', { part: 'state', ...errorFields(error) });
  }
}

/** The same for everything that met a lock, judged or not, and after the same calls: whether a code was right is not told. */
async function refusal(failures: number, { showing, parts }: Context): Promise<Failure> {
  const { device, memory = NOTHING } = showing;
  const isLocked = locksOf(failures) > locksOf(memory.failures) || failures >= LOCKOUT.failuresMax;
  if (!isLocked) return new Failure('second_factor_refused');
  const nowMs = parts.clock.now();
  // In the usual case the state Redis has counted the same beside the origin, and has locked the device already.
  if (failures !== memory.failures + 1)
    await parts.state.countFailures(device, { add: 0, atLeast: failures, nowMs });
  return locked({ failures, lockedUntilMs: nowMs + lockMs(failures) }, nowMs);
}

function locked({ failures, lockedUntilMs }: Failures, nowMs: number): Failure {
  if (failures >= LOCKOUT.failuresMax) return new Failure('second_factor_locked', { detail: 'For good' });
  return new Failure('second_factor_locked', { retryAfterMs: Math.max(lockedUntilMs - nowMs, 0) });
}

/** The origin's record, for when a copy asks for a second factor: it may have been turned off meanwhile. */
async function newest(totp: Found<TotpRecord> | undefined, { showing, parts }: Context) {
  const { account, requestId } = showing;
  const { totp: stored } = await parts.lookup.inOrigin({ totp: wantOf(account) }, requestId);
  if (stored === undefined || stored.version < (totp?.version ?? 0)) throw rolledBack(parts.log);
  return stored;
}

interface Held extends Context {
  readonly totp: Found<TotpRecord> | undefined;
}

/** The record the origin holds instead of the one we judged by, unless it is an older one. */
async function openStale(
  { totp: stored }: StaleTotp,
  { totp, showing, parts }: Held,
): Promise<Found<TotpRecord>> {
  const { account } = showing;
  if (stored === null || stored.version < (totp?.version ?? 0)) throw rolledBack(parts.log);
  const { version, sealed } = stored;
  const record = await parts.records.open('totp', { tags: [account], version }, sealed);
  if (record === undefined) throw rolledBack(parts.log);
  return { record, version, sealed };
}

/** An origin that shows no record, or an older one, where there was a newer one, is not believed. */
function rolledBack(log: Log): Failure {
  log('error', 'record.forged', { part: 'origin' });
  return new Failure('unavailable', { cause: new Error('The TOTP record is not the newest') });
}

function wantOf(account: Tag): Want {
  return { tag: account, tags: [account] };
}
