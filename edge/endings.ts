/**
 * Ends sessions, devices and accounts, so that access ends at once, here as at the nodes.
 *
 * The origin goes first: it decides in one transaction whether the asking session may and what goes, and tells the nodes.
 * Then a sealed mark takes the place of each hot copy. Nothing replaces it: not a copy that another request has read a
 * moment before, and not an old record that an origin brings back. What else is held of it is forgotten. A request that could not put its marks fails, and its
 * repeat gets the same tags again.
 */
import { Failure } from '../shared/failure.ts';
import type { Tag } from '../shared/frame.ts';
import type { RevocationTarget, Revoked } from '../shared/internal/devices.ts';
import { endedCopy } from './copies.ts';
import type { Clock, Copy, OriginApi, State } from './ports.ts';
import { LAST_VERSION, type Records } from './records.ts';
import type { Tags } from './tags.ts';
import type { SessionOwner } from './wants.ts';

export interface Endings {
  /**
   * Ends what is the caller's own; ended before counts as ended. Throws `session_ended` when the caller's session does
   * not live, `not_found`, `conflict` for its last device, or `unavailable`: then it may be ended, and a repeat tells.
   */
  end(target: RevocationTarget, asked: { caller: SessionOwner; requestId: string }): Promise<void>;
}

export interface EndingParts {
  readonly origin: OriginApi;
  readonly state: State;
  readonly tags: Tags;
  readonly records: Records;
  readonly clock: Clock;
}

/** Of 500 sessions each; nobody has as many as that, and who has may ask again. */
const ROUNDS_MAX = 10;

export function createEndings(parts: EndingParts): Endings {
  const { origin, state, tags } = parts;
  return {
    end: async (target, { caller, requestId }) => {
      const [account, by] = await Promise.all([tags.account(caller.userId), tags.session(caller.sessionId)]);
      for (let round = 0; round < ROUNDS_MAX; round += 1) {
        const revoked = await origin.revoke({ account, by, ...target }, requestId);
        if (revoked.result !== 'revoked' && revoked.result !== 'partly') throw refusal(revoked.result);
        const gone = target.what === 'account' ? [account] : [];
        const marks = await endedMarks({ ...revoked, accounts: gone }, parts);
        const isMore = revoked.devices.length > 0;
        await Promise.all([
          state.put(marks),
          isMore ? state.forget({ accounts: gone, devices: revoked.devices }) : undefined,
        ]);
        if (revoked.result === 'revoked') return;
      }
      throw new Failure('unavailable', { detail: 'There are more sessions; ask again' });
    },
  };
}

function refusal(result: 'missing' | 'last' | 'refused'): Failure {
  if (result === 'refused') return new Failure('session_ended');
  if (result === 'missing') return new Failure('not_found');
  return new Failure('conflict', {
    detail: 'The last device of an account stays; delete the account instead',
  });
}

/** The marks that take the place of the hot copies of what an origin has ended. */
export function endedMarks(
  {
    sessions,
    devices,
    accounts,
  }: Pick<Revoked, 'sessions' | 'devices'> & { readonly accounts: readonly Tag[] },
  { records, clock }: Pick<EndingParts, 'records' | 'clock'>,
): Promise<Copy[]> {
  const nowMs = clock.now();
  const mark = async (kind: 'dev' | 'sess' | 'keys', tag: Tag): Promise<Copy> => {
    const place = { tags: [tag], version: LAST_VERSION };
    return endedCopy(kind, tag, { sealed: await records.seal('ended', place, { ended: true }), nowMs });
  };
  return Promise.all([
    ...sessions.map((tag) => mark('sess', tag)),
    ...devices.map((tag) => mark('dev', tag)),
    ...accounts.map((tag) => mark('keys', tag)),
  ]);
}
