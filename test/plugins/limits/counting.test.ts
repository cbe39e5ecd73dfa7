import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { encodings, tokenizerOf } from '../../../plugins/usage/tokenizer.ts';
import { startGateway } from '../../helper/gateway.ts';

test('what tokens are counted by is loaded once a rule asks for tokens or USD, after the start and before the first call', async () => {
  const requests = await startGateway({ overlay: { budgets: { global: [{ requests: 5, period: 'day' }] } } });
  await sleep(20);
  expect(encodings.map(tokenizerOf)).toEqual([null, null]);
  await requests.close();
  const usd = await startGateway({ overlay: { budgets: { global: [{ amount_usd: 5, period: 'day' }] } } });
  expect(tokenizerOf('o200k_base')).toBeNull();
  await vi.waitFor(() => expect(tokenizerOf('o200k_base')).not.toBeNull(), { timeout: 10_000 });
  expect(tokenizerOf('cl100k_base')).toBeNull();
  await usd.close();
});
