import { afterAll } from 'vitest';
import { closeLeftovers } from './cleanup.ts';

// Set up for every test file. Not in `cleanup.ts` itself: files that share a process import that once.

afterAll(closeLeftovers);
