/** What a channel's members tell those who come in, and what of it is believed. */
import type { StoredConversation } from '../store/database.ts';
import { type AboutContent, NAME_MAX } from './content.ts';

/** What a member tells, who may have no name yet. */
export function aboutOf(
  { title, names, moderators = {} }: StoredConversation,
  { userId, name }: { readonly userId: string; readonly name: string },
): AboutContent {
  const own = name === '' || userId === '' ? {} : { [userId]: name };
  return { kind: 'about', title, names: { ...names, ...own }, moderators };
}

/** A title is its owner's to give, as is who moderates; a name counts until its bearer has said one. */
export function learned(
  info: StoredConversation,
  { title, names, moderators }: AboutContent,
  { userId, isOwn }: { readonly userId: string; readonly isOwn: boolean },
): Partial<StoredConversation> {
  // Another device of this account knows as well as the owner.
  const isOwner = userId === info.ownerId || isOwn;
  return {
    names: { ...names, ...info.names },
    ...(isOwner || info.title === '' ? { title: title.slice(0, NAME_MAX) } : {}),
    ...(isOwner ? { moderators } : {}),
  };
}
