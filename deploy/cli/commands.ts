import type { Command } from './command.ts';
import { ACCOUNT } from './commands/account.ts';
import { CHANNELS } from './commands/channels.ts';
import { MESSAGES } from './commands/messages.ts';
import { MODERATION } from './commands/moderation.ts';
import { PROBE } from './commands/probe.ts';

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [...ACCOUNT, ...MESSAGES, ...CHANNELS, ...MODERATION, PROBE];
