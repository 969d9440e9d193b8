import type { SpeechOptions } from './speech.ts';

/** The servers that are compared, in the order in which they are shown. */
export const TARGET_NAMES = ['hushwire', 'sio-classic', 'sio-streams', 'sio-uws', 'bare'] as const;
export type TargetName = (typeof TARGET_NAMES)[number];

/** What each is, for people. */
export const TARGET_TITLES: Readonly<Record<TargetName, string>> = {
  hushwire: 'Hushwire',
  'sio-classic': 'Socket.IO, Redis adapter',
  'sio-streams': 'Socket.IO, Redis Streams adapter with recovery',
  'sio-uws': 'Socket.IO on uWebSockets.js, Redis adapter',
  bare: 'bare uWebSockets.js + Redis (the floor)',
};

/** Server processes of one kind that serve together. */
export interface Running {
  readonly name: TargetName;
  readonly speech: SpeechOptions;
  /** One URL and one process for each server. */
  readonly urls: readonly string[];
  readonly pids: readonly number[];
  readonly redisPid: number;
  /** The edge in front of them, where one was asked for. */
  readonly edge?: { readonly url: string; readonly pid: number };
  /** SIGKILL of one server, as a crash would. */
  kill(index: number): Promise<void>;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly processes: number;
  /** More variables for the server processes of Hushwire. */
  readonly env?: Readonly<Record<string, string>>;
  /** With an edge in front, for what passes through it; Hushwire alone has one. */
  readonly hasEdge?: boolean;
}
