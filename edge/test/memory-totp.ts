import type { Attempt, FactorRefused, TotpChange, TotpWritten } from '../../shared/internal/accounts.ts';
import type { StoredRecord } from '../../shared/internal/records.ts';
import { LOCKOUT, locksOf } from '../../shared/lockout.ts';

/** The origin's part of the second factor in memory: records by account, failures by device, codes and used marks. */
export interface MemoryTotp {
  readonly records: Map<string, StoredRecord>;
  readonly failures: Map<string, number>;
  /** Recovery codes, and whose they are. */
  readonly codes: Map<string, string>;
  readonly used: Set<string>;
  change(change: TotpChange): TotpWritten;
  /** Undefined when the named version is the stored one. */
  stale(account: string, version: number): FactorRefused | undefined;
  /** Undefined when it passed. */
  attempt(
    owner: { account: string; device: string; version: number },
    attempt: Attempt,
  ): FactorRefused | undefined;
}

export function createMemoryTotp(): MemoryTotp {
  const records = new Map<string, StoredRecord>();
  const failures = new Map<string, number>();
  const codes = new Map<string, string>();
  const used = new Set<string>();

  const passes = (account: string, proof: Attempt['proof']): boolean => {
    if (proof.kind === 'wrong') return false;
    if (proof.kind === 'recovery') return codes.get(proof.code) === account && codes.delete(proof.code);
    if (used.has(proof.mark)) return false;
    used.add(proof.mark).add(proof.earlier);
    return true;
  };
  const stale = (account: string, version: number): FactorRefused | undefined => {
    const held = records.get(account);
    return (held?.version ?? 0) === version ? undefined : { result: 'stale', totp: held ?? null };
  };
  return {
    records,
    failures,
    codes,
    used,
    stale,
    change: ({ account, sealed, version, codes: fresh, used: marks }) => {
      const held = records.get(account);
      if (held?.version === version && held.sealed === sealed) return { result: 'exists' };
      if ((held?.version ?? 0) !== version - 1) return { result: 'stale', totp: held ?? null };
      records.set(account, { sealed, version });
      for (const [code, owner] of codes) if (owner === account) codes.delete(code);
      for (const code of fresh) codes.set(code, account);
      for (const mark of marks) used.add(mark);
      return { result: 'created' };
    },
    attempt: ({ account, device, version }, { seen, proof }) => {
      const fault = stale(account, version);
      if (fault !== undefined) return fault;
      const before = failures.get(device) ?? 0;
      const isJudged = before < LOCKOUT.failuresMax && locksOf(before) <= locksOf(seen);
      const isPassed = isJudged && passes(account, proof);
      const isCounted = isJudged && !isPassed && proof.kind !== 'step';
      const now = isPassed ? 0 : isCounted ? before + 1 : before;
      failures.set(device, now);
      return isPassed ? undefined : { result: 'refused', failures: now };
    },
  };
}
