import type { FastifyBaseLogger } from 'fastify';
import type { Applier } from './applier.ts';
import type { Charged } from './contract.ts';
import type { Journal } from './journal.ts';
import type { LedgerStore } from './store.ts';

export interface WriterOptions {
  readonly store: LedgerStore;
  /** One is appended to while the other one is brought into the file. */
  readonly journals: readonly [Journal, Journal];
  readonly applier: Pick<Applier, 'apply' | 'close'>;
  /** Commits wait until the disk has them: they survive a power loss too. */
  readonly synchronised: boolean;
  /** A settlement is committed, or kept until it can be: once for each, before the promise of its write resolves. */
  readonly onCharged: (charged: Charged) => void;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn' | 'error'>;
}
