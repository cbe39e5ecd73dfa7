import type { Mutation } from '../mutation.ts';
import { answers } from './answers.ts';
import { attempts } from './attempts.ts';
import { callers } from './callers.ts';
import { choices } from './choices.ts';
import { clientKeys } from './client-keys.ts';
import { connections } from './connections.ts';
import { identity } from './identity.ts';
import { keys } from './keys.ts';
import { ledger } from './ledger.ts';
import { limits } from './limits.ts';
import { records } from './records.ts';
import { redis } from './redis.ts';
import { replicas } from './replicas.ts';
import { translation } from './translation.ts';
import { upstream } from './upstream.ts';

export const mutations: readonly Mutation[] = [
  ...attempts,
  ...answers,
  ...upstream,
  ...callers,
  ...choices,
  ...clientKeys,
  ...connections,
  ...identity,
  ...keys,
  ...records,
  ...ledger,
  ...replicas,
  ...limits,
  ...redis,
  ...translation,
];
