/** What a channel's members tell those who come in, and what of it is believed. */
import type { StoredConversation } from '../store/database.ts';
import { type AboutContent, NAME_MAX } from './content.ts';

type Names = Readonly<Record<string, string>>;

export function aboutOf({ title, names, moderators = {} }: StoredConversation, ownName: Names): AboutContent {
  return { kind: 'about', title, names: { ...names, ...ownName }, moderators };
}

/** A title is its owner's to give, as is who moderates; a name counts until its bearer has said one. */
export function learned(
  info: StoredConversation,
  { title, names, moderators }: AboutContent,
  from: string,
): Partial<StoredConversation> {
  const isOwner = from === info.ownerId;
  return {
    names: { ...names, ...info.names },
    ...(isOwner || info.title === '' ? { title: title.slice(0, NAME_MAX) } : {}),
    ...(isOwner ? { moderators } : {}),
  };
}
