import { describeRedisPresences } from './redis-presences-contract.ts';
import { startSingle } from './relays.ts';

describeRedisPresences('Redis', startSingle);
