// Loaded into a server process (`node --import`): profiles it from its start to its end into HUSHWIRE_BENCH_PROFILE_DIR.
// Node 20 takes --cpu-prof on its command line only, and these processes are started by the same code as everywhere.
import { mkdirSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const directory = process.env.HUSHWIRE_BENCH_PROFILE_DIR;
if (isMainThread && directory !== undefined) {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.start');
  process.on('exit', () => {
    session.post('Profiler.stop', (error, result) => {
      if (error !== null) throw error;
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, `${process.pid}.cpuprofile`), JSON.stringify(result.profile));
    });
  });
}
