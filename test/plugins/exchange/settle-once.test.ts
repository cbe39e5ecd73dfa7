import { expect, it } from 'vitest';
import { Exchange } from '../../../plugins/exchange/index.ts';
import type { Config } from '../../../schemas/config.ts';

it('an exchange that is held and released again after it has settled does not settle again', () => {
  const settled: Exchange[] = [];
  const exchange = new Exchange('ex_1', 'mine', 'chat', {} as Config, 10, 1_790_000_000_000, (each) => settled.push(each));
  exchange.close(42);
  expect(settled).toHaveLength(1);
  exchange.hold();
  exchange.release();
  exchange.close(99);
  expect(settled).toEqual([exchange]);
});
