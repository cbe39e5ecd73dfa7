import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { behaviours } from '../../providers/sandbox/models.ts';
import { serve } from '../../providers/sandbox/serve.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/sandbox.md'), 'utf8');
const commands = [...page.matchAll(/127\.0\.0\.1:4000(\/\S+) .*\\\n {2}-d '(.*)'/g)].map(([, path, body]) => ({
  path: path!,
  body: body!,
}));

describe('docs/sandbox.md', () => {
  it('names every model and no other', () => {
    const table = page.slice(page.indexOf('| model |'), page.indexOf('An unknown model'));
    const named = [...table.matchAll(/^\| ((?:`[a-z0-9-]+` ?)+)\|/gm)].flatMap(([, names]) =>
      [...names!.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );
    expect(named).toEqual([...behaviours.keys()]);
  });

  it.each(commands.map(({ path, body }) => [JSON.parse(body).model as string, path, body]))(
    'has a command for %s that does what it says',
    (model, path, body) => {
      const known = behaviours.get(model.replace('sandbox/', ''));
      const reply = serve({ method: 'POST', path, headers: {}, body: Buffer.from(body.replace('"sandbox/', '"')) });
      expect(reply.status).toBe(known?.kind === 'refuse' ? known.refusal.status : 200);
    },
  );

  it('has a command for every model, one standing for all statuses', () => {
    const shown = new Set(
      commands.map(({ body }) => (JSON.parse(body).model as string).replace(/^sandbox\//, '').replace(/^error-\d+$/, 'error')),
    );
    expect([...shown].sort()).toEqual(
      [...new Set([...behaviours.keys()].map((id) => id.replace(/^error-\d+$/, 'error')))].sort(),
    );
  });
});
