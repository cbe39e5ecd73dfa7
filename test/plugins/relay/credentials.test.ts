import { expect, it } from 'vitest';
import { CredentialWarnings } from '../../../plugins/relay/credentials.ts';

it('A6: tells the operator of a refused credential, once a minute for each provider', () => {
  const told: unknown[] = [];
  let now = 0;
  const warnings = new CredentialWarnings({ warn: (...line: unknown[]) => told.push(line) } as never, () => now);
  warnings.refused('one');
  warnings.refused('one');
  warnings.refused('two');
  now = 59_999;
  warnings.refused('one');
  expect(told).toHaveLength(2);
  now = 60_000;
  warnings.refused('one');
  expect(told).toHaveLength(3);
  expect(told[0]).toEqual([{ provider: 'one' }, expect.stringContaining('providers.one.api_key')]);
});
