import { fileURLToPath } from 'node:url';

/** Root directory of this checkout. */
export const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '');
