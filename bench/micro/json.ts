import { scanMembers, spliceMembers } from '../../providers/wire/members.ts';
import { requestBody } from '../messages.ts';
import type { Case } from './harness.ts';

const bytes = requestBody(false);
const edits = [{ key: 'model', value: '"another-model"' }];

/** One scan and one splice of a 1 kB body, beside reading and writing it whole. */
export const jsonCases: readonly Case[] = [
  {
    name: `JSON.parse + JSON.stringify, ${bytes.length} B`,
    run(times) {
      let length = 0;
      for (let at = 0; at < times; at++) length += Buffer.from(JSON.stringify(JSON.parse(bytes.toString()))).length;
      return length;
    },
  },
  {
    name: `JSON.parse, ${bytes.length} B`,
    run(times) {
      let last: unknown;
      for (let at = 0; at < times; at++) last = JSON.parse(bytes.toString());
      return last;
    },
  },
  {
    name: 'scanMembers',
    run(times) {
      let count = 0;
      for (let at = 0; at < times; at++) count += scanMembers(bytes).length;
      return count;
    },
  },
  {
    name: 'scanMembers + spliceMembers (model)',
    run(times) {
      let length = 0;
      for (let at = 0; at < times; at++) length += spliceMembers(bytes, scanMembers(bytes), edits).length;
      return length;
    },
  },
];
