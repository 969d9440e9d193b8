/** How long, and under which rule, sealed copies are held in the state Redis. */
import type { Tag } from '../shared/frame.ts';
import { expiryAfter } from './days.ts';
import type { Copy, CopyKind, HeldCopy } from './ports.ts';
import type { Finds, Found, Want, Wants } from './wants.ts';

/** Days a copy is held: one to three, depending on its tag; a device that comes daily stays warm. */
const COPY_DAYS = 2;
/** A session's copy knows when the session was renewed, so it is held a day longer than a session may stay idle. */
const SESSION_COPY_DAYS = 32;

/** Copies of what an origin answered; one that is held already, of the same version, stays. */
export function copiesOf({ device, session, members = [] }: Wants, finds: Finds, nowMs: number): Copy[] {
  const copies: Copy[] = [];
  const add = (kind: CopyKind, want: Want | undefined, found: Found<unknown> | undefined) => {
    if (want !== undefined && found !== undefined)
      copies.push({ ...copyOf(kind, want.tag, { held: found, nowMs }), onEqual: 'keep' });
  };
  add('dev', device, finds.device);
  add('sess', session, finds.session);
  members.forEach((want, i) => {
    add('member', want, finds.members[i]);
  });
  return copies;
}

/** The copy of a session that was opened or renewed now; it takes the place of one of the same version. */
export function sessionCopy(tag: Tag, held: HeldCopy, nowMs: number): Copy {
  return { ...copyOf('sess', tag, { held, nowMs }), onEqual: 'replace' };
}

function copyOf(kind: CopyKind, tag: Tag, { held, nowMs }: { held: HeldCopy; nowMs: number }) {
  const days = kind === 'sess' ? SESSION_COPY_DAYS : COPY_DAYS;
  const { version, sealed } = held;
  return { kind, tag, version, sealed, expiresAtMs: expiryAfter(nowMs, { days, tag }) };
}
