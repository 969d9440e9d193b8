import type { Enrolment } from './answers.ts';
import type { Api } from './api.ts';
import type { SecondFactor, Session } from './session.ts';

export interface TotpPorts {
  readonly api: Api;
  readonly session: Session;
  readonly retrying: <T>(attempt: () => Promise<T>) => Promise<T>;
}

/**
 * The second factor of the account. What changes one that is there throws `step_up_required` unless it was shown in the last
 * minutes, by signing in or by `stepUp`.
 */
export class Totp {
  readonly #ports: TotpPorts;

  constructor(ports: TotpPorts) {
    this.#ports = ports;
  }

  /**
   * Begins to set one up, or to replace the one there is: draw `uri` as a QR code. Nothing changes until `confirm`; a repeat
   * gives another secret in place of this one.
   */
  enrol(): Promise<Enrolment> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.enrolTotp());
  }

  /**
   * Turns it on with a code of the new secret, and gives back ten recovery codes, which take the place of earlier ones and
   * are told this once. Throws `second_factor_refused` for a wrong code, `conflict` when no enrolment is pending. Not tried
   * again by itself: after `unavailable` it may be on, without anybody who knows the codes; then `enrol` anew.
   */
  async confirm(code: string): Promise<readonly string[]> {
    const { api, session } = this.#ports;
    const { recoveryCodes } = await api.confirmTotp(code);
    session.renewSoon();
    return recoveryCodes;
  }

  /**
   * Shows the second factor again, for sensitive changes in the next minutes. Throws `second_factor_refused`,
   * `second_factor_locked` with `retryAfterMs`, or `conflict` when there is none. Never tried again by itself: a code is
   * good once.
   */
  async stepUp(shown: SecondFactor): Promise<void> {
    const { api, session } = this.#ports;
    session.stepUp(await api.stepUp(shown));
  }

  /** Removes it with its recovery codes; harmless when there is none. Throws `forbidden` where the service requires one. */
  disable(): Promise<void> {
    const { api, retrying } = this.#ports;
    return retrying(() => api.disableTotp());
  }
}
