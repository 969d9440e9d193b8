import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What to put in front of a command so that it runs as the first process of a container does. */
export interface FirstProcess {
  /** Whether it really has the process id 1; otherwise it only inherits orphans as that one does. */
  readonly isNamespaced: boolean;
  readonly within: readonly string[];
  /** Its process id as seen from here, when what was started got `pid`. */
  pidOf(pid: number): number;
}

/** A PID namespace of its own, whose first process runs what follows, and which ends with it. */
const NAMESPACE = [
  ...['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'],
  ...(process.getuid?.() === 0 ? [] : ['--map-root-user']),
];
/** Where the kernel allows nobody a namespace: PR_SET_CHILD_SUBREAPER, which outlives the exec. */
const SUBREAPER = [
  ...['python3', '-c'],
  'import ctypes,os,sys; ctypes.CDLL(None).prctl(36,1,0,0,0); os.execvp(sys.argv[1],sys.argv[1:])',
];

/** The best of both that this machine allows (Linux). */
export function findFirstProcess(): FirstProcess {
  const [command = '', ...args] = [...NAMESPACE, 'true'];
  const isNamespaced = spawnSync(command, args).status === 0;
  const pidOf = (pid: number) =>
    isNamespaced ? Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')) : pid;
  return { isNamespaced, within: isNamespaced ? NAMESPACE : SUBREAPER, pidOf };
}
