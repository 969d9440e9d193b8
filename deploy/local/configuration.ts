/** The page that explains every variable, made from the specifications the processes read. */
import { EDGE_VARIABLES } from '../../edge/config.ts';
import { HOST_VARIABLES } from '../../origin/config.ts';
import { describeEnv } from '../../shared/env.ts';

/** Markdown of deploy/configuration.md. */
export function configurationPage(): string {
  return `# Configuration

Each process reads its own variables once, at its start. It refuses to start with a wrong, missing or unknown one, and
tells every fault at once; \`--check-config\` does only that, \`--help\` prints its table. Any variable may stand in a file
instead, as secrets do: \`HUSHWIRE_ORIGIN_DATABASE_URL_FILE=/run/secrets/database-url\`. Made by \`npm run docs\` from
[origin/config.ts](../origin/config.ts) and [edge/config.ts](../edge/config.ts); edit those.

## Origin

${describeEnv(HOST_VARIABLES)}

## Edge

On Workers there are no files; the same names are bindings and secrets there.

${describeEnv(EDGE_VARIABLES)}
`;
}
