/** How long, and under which rule, sealed copies are held in the state Redis. */
import type { Tag } from '../shared/frame.ts';
import type { Sealed } from '../shared/internal/records.ts';
import { expiryAfter } from './days.ts';
import type { Copy, CopyKind, HeldCopy } from './ports.ts';
import { LAST_VERSION } from './records.ts';
import type { Finds, Found, Want, Wants } from './wants.ts';

/** Days a copy is held: one to three, depending on its tag; a device that comes daily stays warm. */
const COPY_DAYS = 2;
/** A session's copy knows when the session was renewed, so it is held a day longer than a session may stay idle. */
const SESSION_COPY_DAYS = 32;

/** A claimed package is nowhere else, so it is held as long as it takes to be wanted by somebody. */
const PACKAGE_DAYS = 30;

/** Copies of what an origin answered; one that is held already, of the same version, stays. */
export function copiesOf(
  { device, session, totp, entries = [], members = [] }: Wants,
  finds: Omit<Finds, 'ended'>,
  nowMs: number,
): Copy[] {
  const copies: Copy[] = [];
  const add = (kind: CopyKind, want: Want | undefined, found: Found<unknown> | undefined) => {
    if (want !== undefined && found !== undefined)
      copies.push({ ...copyOf(kind, want.tag, { held: found, nowMs }), onEqual: 'keep' });
  };
  add('dev', device, finds.device);
  add('sess', session, finds.session);
  add('totp', totp, finds.totp);
  entries.forEach((want, i) => {
    add('keys', want, finds.entries[i]);
  });
  members.forEach((want, i) => {
    add('member', want, finds.members[i]);
  });
  return copies;
}

/** The copy of a session that was opened or renewed now; it takes the place of one of the same version. */
export function sessionCopy(tag: Tag, held: HeldCopy, nowMs: number): Copy {
  return { ...copyOf('sess', tag, { held, nowMs }), onEqual: 'replace' };
}

/** The mark that a device, a session or (as `keys`) an account has ended, which no copy of it can take the place of. */
export function endedCopy(
  kind: 'dev' | 'sess' | 'keys',
  tag: Tag,
  { sealed, nowMs }: { sealed: Sealed; nowMs: number },
): Copy {
  const held = { sealed, version: LAST_VERSION };
  return { ...copyOf(kind, tag, { held, nowMs }), onEqual: 'keep' };
}

/** The copy of an entry of a key log that the origin has taken just now. */
export function entryCopy(tag: Tag, held: HeldCopy, nowMs: number): Copy {
  return { ...copyOf('keys', tag, { held, nowMs }), onEqual: 'keep' };
}

/** When claimed key packages are let go of at the latest, in milliseconds since 1970. */
export function packagesExpiry(account: Tag, nowMs: number): number {
  return expiryAfter(nowMs, { days: PACKAGE_DAYS, tag: account });
}

/** The copy of a TOTP record that the origin showed just now. */
export function totpCopy(tag: Tag, held: HeldCopy, nowMs: number): Copy {
  const { version, sealed } = held;
  return { ...copyOf('totp', tag, { held: { version, sealed }, nowMs }), onEqual: 'keep' };
}

function copyOf(kind: CopyKind, tag: Tag, { held, nowMs }: { held: HeldCopy; nowMs: number }) {
  const days = kind === 'sess' ? SESSION_COPY_DAYS : COPY_DAYS;
  const { version, sealed } = held;
  return { kind, tag, version, sealed, expiresAtMs: expiryAfter(nowMs, { days, tag }) };
}

/** The copy of a membership that is being written now. */
export function memberCopy(tag: Tag, held: HeldCopy, nowMs: number): Copy {
  return { ...copyOf('member', tag, { held, nowMs }), onEqual: 'replace' };
}
