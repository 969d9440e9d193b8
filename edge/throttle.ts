import { Failure } from '../shared/failure.ts';
import type { Tag } from '../shared/frame.ts';
import { LIMIT_RULES, type LimitName } from './limits.ts';
import type { Limiter, OriginApi } from './ports.ts';

/** Draws on budgets for running requests, and keeps the verdicts until they are needed. */
export interface Throttle {
  /** Begins to draw on a budget for this request. */
  draw(requestId: string, name: LimitName, tag: Promise<Tag>): void;
  /** Resolves when every budget of the request allows it; throws `too_many_requests`, or `unavailable`. */
  pass(requestId: string): Promise<void>;
  /** The request is over. */
  forget(requestId: string): void;
}

export function createThrottle(limiter: Limiter): Throttle {
  const verdicts = new Map<string, Promise<Failure | undefined>[]>();
  return {
    draw: (requestId, name, tag) => {
      const running = verdicts.get(requestId) ?? [];
      verdicts.set(requestId, [...running, verdictOf(limiter, name, tag)]);
    },
    pass: async (requestId) => {
      const failures = await Promise.all(verdicts.get(requestId) ?? []);
      const failure = failures.find((found) => found !== undefined);
      if (failure !== undefined) throw failure;
    },
    forget: (requestId) => void verdicts.delete(requestId),
  };
}

/** Never rejects: nobody may be waiting for it any more. */
async function verdictOf(limiter: Limiter, name: LimitName, tag: Promise<Tag>): Promise<Failure | undefined> {
  try {
    const verdict = await limiter.draw(name, await tag);
    if (verdict === 'allowed') return undefined;
    if (verdict !== 'unknown') return new Failure('too_many_requests', verdict);
    return LIMIT_RULES[name].withoutStore === 'open' ? undefined : new Failure('unavailable');
  } catch (cause) {
    return new Failure('internal', { cause });
  }
}

/**
 * The same origin, which nothing is written to before the budgets of the request allow it. Ending sessions and devices is
 * not held up: whoever does that is in need, and repeats change nothing.
 */
export function holdWrites(origin: OriginApi, throttle: Throttle): OriginApi {
  const held =
    <T, R>(write: (body: T, requestId: string) => Promise<R>) =>
    async (body: T, requestId: string): Promise<R> => {
      await throttle.pass(requestId);
      return write(body, requestId);
    };
  return {
    ...origin,
    createAccount: held(origin.createAccount),
    createSession: held(origin.createSession),
    renewSession: held(origin.renewSession),
    changeTotp: held(origin.changeTotp),
    attempt: held(origin.attempt),
    createChannel: held(origin.createChannel),
    addMember: held(origin.addMember),
    changeMembers: held(origin.changeMembers),
    changeBlock: held(origin.changeBlock),
    deleteChannel: held(origin.deleteChannel),
    changeInvitation: held(origin.changeInvitation),
    placeBans: held(origin.placeBans),
    publish: held(origin.publish),
    mail: held(origin.mail),
    addDevice: held(origin.addDevice),
    recover: held(origin.recover),
    appendEntry: held(origin.appendEntry),
    writeList: held(origin.writeList),
    addPackages: held(origin.addPackages),
    claimPackages: held(origin.claimPackages),
  };
}
