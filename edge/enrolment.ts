/**
 * A second factor that is being set up: sealed, in the state Redis only, under the session that began it, for 10 min.
 * If it is lost, the person scans another code.
 */
import type { Clock, State } from './ports.ts';
import { type EnrolmentRecord, FIRST_VERSION, type Records } from './records.ts';
import type { Want } from './wants.ts';

/** Time to find the phone and install an app. */
const ENROLMENT_MS = 10 * 60_000;

/** Holds it in place of an earlier one of the session; resolves with its life in milliseconds. Throws `unavailable`. */
export async function writeEnrolment(
  record: EnrolmentRecord,
  { session, state, records, clock }: { session: Want; state: State; records: Records; clock: Clock },
): Promise<number> {
  const version = FIRST_VERSION;
  const sealed = await records.seal('enrolment', { tags: session.tags, version }, record);
  const expiresAtMs = clock.now() + ENROLMENT_MS;
  await state.put([{ kind: 'enrol', tag: session.tag, version, sealed, expiresAtMs, onEqual: 'replace' }]);
  return ENROLMENT_MS;
}

/** The one the session began, or undefined. Throws `unavailable`. */
export async function readEnrolment(
  session: Want,
  { state, records }: { state: State; records: Records },
): Promise<EnrolmentRecord | undefined> {
  const { held } = await state.look([{ kind: 'enrol', tag: session.tag }]);
  const [copy] = held;
  if (copy === undefined) return undefined;
  return records.open('enrolment', { tags: session.tags, version: copy.version }, copy.sealed);
}
