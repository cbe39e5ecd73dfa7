import type { Call, TranslationContext } from '../../providers/provider.ts';
import type { Exchange } from '../exchange/index.ts';
import type { Grant } from '../limits/contract.ts';
import type { Prefixes } from '../prefixes/index.ts';
import type { Decision, Restrictions, Route, RouterCore } from '../router/index.ts';
import type { Signatures } from '../signatures/index.ts';
import type { Upstream } from '../upstream/index.ts';
import type { AttemptOutcome, Usage } from '../usage/index.ts';
import type { BoundKey } from './bound-key.ts';
import type { ClientWriter } from './client.ts';
import type { Hedging } from './hedging.ts';
import type { OperatorWarnings } from './operator-warnings.ts';
import type { Shadows } from './shadows.ts';

/** What every run of the process shares. */
export interface RunContext {
  readonly router: RouterCore;
  readonly upstream: Upstream;
  readonly usage: Usage;
  readonly signatures: Signatures;
  readonly prefixes: Prefixes;
  readonly hedging: Hedging;
  readonly shadows: Shadows;
  readonly warnings: OperatorWarnings;
  readonly translation: TranslationContext;
  readonly configVersion: string;
  readonly random: () => number;
  readonly onAttempt: (provider: string, outcome: AttemptOutcome, reason: string | null) => void;
}

/** What is known of the call when the run starts. */
export interface RunInput {
  readonly exchange: Exchange;
  readonly call: Call;
  readonly route: Route;
  readonly client: ClientWriter;
  /** Tokens, estimated. */
  readonly estimatedInput: number;
  readonly metadata: string | null;
  readonly warnings: string | null;
  readonly via: string | undefined;
  /** Total milliseconds the caller allows; null: the configured total. */
  readonly callerTimeout: number | null;
  /** What the caller allows of the targets; null for everything. */
  readonly restrictions: Restrictions | null;
  /** The provider's key that the caller brought; null: the operator's are used. */
  readonly own: BoundKey | null;
  readonly decision: Decision;
  /** What it holds on the limits of its caller; null where none hold for it. */
  readonly grant: Grant | null;
}
