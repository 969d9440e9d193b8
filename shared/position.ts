/**
 * Where a reader stands in a channel. `epoch` names one life of the stream (it changes when Redis may have lost
 * data); `offset` counts its publications from 1. An offset means nothing without its epoch.
 */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

const EPOCH = /^[A-Za-z0-9_-]{8,22}$/;

export function isPosition(value: unknown): value is Position {
  if (typeof value !== 'object' || value === null) return false;
  const { epoch, offset, ...rest } = value as Record<string, unknown>;
  return isEpoch(epoch) && isOffset(offset) && Object.keys(rest).length === 0;
}

export function isEpoch(value: unknown): value is string {
  return typeof value === 'string' && EPOCH.test(value);
}

export function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** How `next` relates to the last position a reader holds. */
export type Step = 'next' | 'repeat' | 'gap' | 'other-epoch';

/** Classifies a publication at `next` for a reader that stands at `last`. */
export function stepTo(last: Position, next: Position): Step {
  if (next.epoch !== last.epoch) return 'other-epoch';
  if (next.offset <= last.offset) return 'repeat';
  return next.offset === last.offset + 1 ? 'next' : 'gap';
}
