import OpenAI from 'openai';
import { chatChecks } from './js/chat.mjs';
import { failureChecks } from './js/failures.mjs';
import { askers, check, lastHeader, plan, refused, same, say } from './js/harness.mjs';
import { mediaChecks } from './js/media.mjs';
import { toolChecks } from './js/tools.mjs';

// The official client for JavaScript through the gateway to upstreams of three dialects: every row of table.mjs.
// argv: base URL, plan (JSON), gateway key. Prints { passed, failed: [messages] }.

/** Runs one row and compares with its outcome in the table. */
async function judge(outcome, run) {
  const [kind, name] = outcome.split(' ');
  if (kind === 'refused' || kind === 'none') {
    const error = await refused(run(), 400);
    same(error.param, kind === 'none' ? 'model' : name, 'param');
    check(error instanceof OpenAI.BadRequestError && error.type === 'invalid_request_error', error.type);
    return;
  }
  await run();
  if (kind !== 'dropped') return;
  const warned = (lastHeader('x-postern-warnings') ?? '').split(', ');
  check(
    warned.some((each) => each.endsWith(`=${name}`)),
    `warnings: ${warned}`,
  );
}

/** A field of the request alone, with what the upstream was asked in the answer. */
async function sendField(create, { send, see }, outcome) {
  const answer = await create({ messages: say('settings'), ...send });
  const got = JSON.parse(answer.choices[0].message.content);
  for (const key of Object.keys(see)) same(got[key], outcome === 'yes' ? see[key] : undefined, `upstream ${key}`);
}

let passed = 0;
const failed = [];
for (const dialect of plan.dialects) {
  const ask = askers(dialect);
  const rows = { ...chatChecks(ask), ...toolChecks(ask), ...mediaChecks(ask), ...failureChecks(ask) };
  for (const name of Object.keys(rows)) check(name in plan.features, `${name} is not in the table`);
  const cases = Object.entries(plan.features).map(([name, outcomes]) => [name, outcomes[dialect], rows[name]]);
  for (const [name, field] of Object.entries(plan.fields)) {
    const outcome = field.outcomes[dialect];
    cases.push([`field ${name}`, outcome, () => sendField(ask.create, field, outcome)]);
  }
  for (const [name, outcome, run] of cases) {
    await judge(outcome, run).then(
      () => passed++,
      (error) => failed.push(`${name} (${dialect}): ${error.message}`),
    );
  }
}
console.log(JSON.stringify({ passed, failed, failures: failed.length }));
