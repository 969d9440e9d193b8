import { isFailure } from '../failure.ts';
import { type Admission, isAdmission, isNewChannel, isNewMember } from './answers.ts';
import type { Http } from './http.ts';
import type { Session } from './session.ts';

/** The calls of a signed-in device. Each throws as `Http` does; each is safe to repeat. */
export interface Api {
  createChannel(channelId: string, signal?: AbortSignal): Promise<void>;
  addMember(channelId: string, userId: string, signal?: AbortSignal): Promise<void>;
  /** A ticket, and grants for up to 100 channels. */
  connect(channelIds: readonly string[], signal?: AbortSignal): Promise<Admission>;
}

export function createApi(http: Http, session: Session): Api {
  /** With a fresh token once more, when the edge no longer takes the one it gave: its keys may have been rotated. */
  const post = async <T>(
    path: string,
    body: object,
    { check, signal }: { check: (answer: unknown) => answer is T; signal: AbortSignal | undefined },
  ): Promise<T> => {
    const token = await session.token(signal);
    try {
      return await http({ path, body, token, signal }, check);
    } catch (error) {
      if (!isFailure(error, 'token_refused') && !isFailure(error, 'session_ended')) throw error;
      session.refuse(token);
      return http({ path, body, token: await session.token(signal), signal }, check);
    }
  };
  return {
    createChannel: async (channelId, signal) => {
      await post('/v1/channels', { channelId }, { check: isNewChannel, signal });
    },
    addMember: async (channelId, userId, signal) => {
      const path = `/v1/channels/${encodeURIComponent(channelId)}/members`;
      await post(path, { userId }, { check: isNewMember, signal });
    },
    connect: (channelIds, signal) =>
      post('/v1/connect', { channels: channelIds }, { check: isAdmission, signal }),
  };
}
