import { liveRun } from '../local/run-file.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { UsageError } from './command.ts';
import { edgeIn } from './home.ts';

/** The edge of the account in this directory; before there is one, the named edge or that of the stack that runs here. */
export async function edgeFor(home: string, named: string | undefined): Promise<string> {
  const wanted = named?.replace(/\/+$/, '');
  if (wanted !== undefined && !/^https?:\/\//.test(wanted))
    throw new UsageError('--edge takes an http or https URL');
  const own = await edgeIn(home);
  if (own !== undefined && wanted !== undefined && own !== wanted)
    throw new UsageError(`The account in ${home} is one of ${own}; name another directory with --home`);
  const edge = own ?? wanted ?? liveRun(`${CHECKOUT}/.hushwire`)?.edgeUrl;
  if (edge === undefined)
    throw new UsageError('No stack runs here: start one with "npm start", or name an edge with --edge');
  return edge;
}
