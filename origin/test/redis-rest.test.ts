import { describeRedisRest } from './redis-rest-contract.ts';
import { startSingle } from './relays.ts';

describeRedisRest('Redis', startSingle);
