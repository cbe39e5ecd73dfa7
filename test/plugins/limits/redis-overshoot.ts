import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LimitStore } from '../../../plugins/limits/contract.ts';
import { type Done, nested, type Order, seeded } from './redis-worker.ts';

/** What a seed found; everything has to be 0. */
export interface Finding {
  readonly seed: number;
  /** Calls let in beyond, or short of, what the budget has room for: at first, and again when the first ones have ended. */
  readonly wrongFirst: number;
  readonly wrongAgain: number;
  /** What counters and ledgers differ by when all have ended, and what is still held. */
  readonly wrongSum: number;
  readonly held: number;
}

/** Processes of their own that all take of the same budgets at the same time (G2). */
export class Fleet {
  readonly #processes: ChildProcess[] = [];

  /** Starts them; resolves when all can ask for budgets. */
  async start(url: string, tag: string, count: number): Promise<void> {
    for (let at = 0; at < count; at++) {
      const child = fork(join(import.meta.dirname, 'redis-worker.ts'), [url, tag, String(at + 1)], { execArgv: [] });
      this.#processes.push(child);
    }
    await Promise.all(this.#processes.map((child) => once(child, 'message')));
  }

  async #all(order: Order): Promise<Done[]> {
    const answers = this.#processes.map((child) => once(child, 'message'));
    for (const child of this.#processes) child.send(order);
    return (await Promise.all(answers)).map(([done]) => done as Done);
  }

  /** `calls` in each process at once. `store`: looks at the counters from outside. */
  async run(seed: number, calls: number, store: LimitStore): Promise<Finding> {
    const random = seeded(seed);
    const amount = 1 + Math.floor(random() * 1_000_000_000);
    const limit = Math.floor(random() * calls * this.#processes.length * 0.8 * amount) + amount;
    const order = { do: 'take', seed, calls, amount, limit } as const;
    const first = admitted(await this.#all(order));
    const settled = await this.#all({ do: 'settle', seed });
    const spent = settled.reduce((sum, each) => sum + each.spent, 0);
    const again = admitted(await this.#all(order));
    const end = await this.#all({ do: 'settle', seed });
    const [key = { used: -1, held: -1 }] = await store.read(nested(seed, limit));
    return {
      seed,
      wrongFirst: first - Math.floor(limit / amount),
      wrongAgain: again - Math.min(calls * this.#processes.length, Math.floor((limit - spent) / amount)),
      wrongSum: key.used - end.reduce((sum, each) => sum + each.spent, 0),
      held: key.held,
    };
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#processes.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.send({ do: 'stop' } satisfies Order, () => {});
        await once(child, 'exit');
      }),
    );
  }
}

const admitted = (all: readonly Done[]): number => all.reduce((sum, each) => sum + each.admitted, 0);
