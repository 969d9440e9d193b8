import type { AnswerFrame, ClientFrame } from '../../shared/frame.ts';
import type { Caller } from './caller.ts';
import { ack, attach, send } from './mail.ts';
import { presence } from './presence.ts';
import { publish } from './publish.ts';
import { refresh } from './refresh.ts';
import { subscribe } from './subscribe.ts';

/** Carries out one command of an open connection. Throws Failure; the connection turns it into `failed`. */
export function carryOut(frame: ClientFrame, caller: Caller): Promise<AnswerFrame> | AnswerFrame {
  switch (frame.type) {
    case 'publish':
      return publish(frame, caller);
    case 'subscribe':
      return subscribe(frame, caller);
    case 'unsubscribe':
      for (const channel of frame.channels) {
        caller.attendances.remove(channel);
        caller.subscriptions.remove(channel);
      }
      return { type: 'ok', ref: frame.ref };
    case 'send':
      return send(frame, caller);
    case 'attach':
      return attach(frame, caller);
    case 'ack':
      return ack(frame, caller);
    case 'presence':
      return presence(frame, caller);
    case 'refresh':
      return refresh(frame, caller);
    case 'ping':
      return { type: 'pong', ref: frame.ref };
  }
}
