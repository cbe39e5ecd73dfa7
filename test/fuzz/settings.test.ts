import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { knownVariables } from '../../config/environment.ts';
import { ConfigError, type LoadedConfig, loadConfig } from '../../config/load.ts';
import { providerTypes } from '../../providers/index.ts';
import { makeRoot } from '../config/sources.ts';
import { damaged } from './damage.ts';
import { allowTime, announce, Dice, propertyRuns, runs } from './dice.ts';
import { watchPrototypes } from './pollution.ts';
import { anyTree, goodConfig, type Tree, textPaths, withText } from './settings.ts';

// The configuration loader: whatever is in files and environment, there is a configuration or a list of what is wrong with it,
// and the list never shows a secret.

watchPrototypes();
allowTime();

let root = '';
const quiet = { NODE_ENV: 'nowhere' };

beforeAll(() => {
  root = makeRoot();
});

interface Sources {
  readonly file?: string;
  readonly overlay?: object;
  readonly env?: NodeJS.ProcessEnv;
}

/** What loading gives: the configuration, or the refusal. Any other exception passes through. */
function attempt({ file, overlay, env = {} }: Sources): LoadedConfig | ConfigError {
  if (file !== undefined) writeFileSync(join(root, 'my.yaml'), file);
  try {
    return loadConfig({
      root,
      cwd: root,
      types: providerTypes,
      env: { ...quiet, ...(file === undefined ? {} : { CONFIG_FILE: 'my.yaml' }), ...env },
      ...(overlay === undefined ? {} : { overlay }),
    });
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

function expectLegible(outcome: LoadedConfig | ConfigError): void {
  if (!(outcome instanceof ConfigError)) {
    expect(frozen(outcome.config)).toBe(true);
    expect(outcome.config.auth.mode).toBeDefined();
    return;
  }
  expect(outcome.problems.length).toBeGreaterThan(0);
  for (const { where, message, hint } of outcome.problems) {
    expect(
      [where, message, hint].every((part) => part !== '' && !/undefined|\[object|NaN:/.test(part)),
      outcome.message,
    ).toBe(true);
  }
}

function frozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(frozen);
}

/** The configuration, or what is wrong with it, without where it came from. */
function essence(outcome: LoadedConfig | ConfigError): unknown {
  if (!(outcome instanceof ConfigError)) return outcome.config;
  return outcome.problems.map(({ path, message, hint }) => [path, message, hint]).sort();
}

test('any tree of settings is a frozen configuration or a list of problems', () => {
  announce('settings', runs(100));
  fc.assert(
    fc.property(fc.oneof(anyTree, goodConfig), (overlay) => expectLegible(attempt({ overlay }))),
    propertyRuns(100),
  );
});

test('K3: a configuration file with faults in its bytes is a configuration or a list of problems', () => {
  const texts = ['config/default.yaml', 'examples/gateway.yaml'].map((path) =>
    readFileSync(join(import.meta.dirname, '../..', path)),
  );
  for (let index = 0; index < runs(100); index++) {
    const dice = new Dice(index);
    expectLegible(attempt({ file: damaged(dice, dice.pick(texts)).toString('latin1'), env: { OPENAI_API_KEY: 'sk-abc' } }));
  }
});

test('the same settings mean the same in a file, in flow and block style, and in an overlay', () => {
  fc.assert(
    fc.property(goodConfig, fc.constantFrom('any', 'block', 'flow'), (settings, style) => {
      const file = stringify(settings, { collectionStyle: style as 'any', aliasDuplicateObjects: false });
      expect(essence(attempt({ file })), file).toEqual(essence(attempt({ overlay: settings })));
    }),
    propertyRuns(60),
  );
});

test('a text that comes out of a variable means the same as one that is written', () => {
  fc.assert(
    fc.property(goodConfig, fc.nat(30), fc.boolean(), (settings, pick, wrapped) => {
      const paths = textPaths(settings).filter((path) => !String(lookup(settings, path)).includes('$'));
      fc.pre(paths.length > 0);
      const path = paths[pick % paths.length]!;
      const env: Record<string, string> = {};
      const overlay = withText(settings, path, (written) => {
        env.SOME_TEXT = wrapped ? written.slice(1) : written;
        return wrapped && written.length > 1 ? `${written[0]}\${SOME_TEXT}` : '$' + '{SOME_TEXT:-other}';
      });
      if (wrapped && String(lookup(settings, path)).length < 2) return;
      const [one, other] = [attempt({ overlay, env }), attempt({ overlay: settings })];
      if (other instanceof ConfigError) expect(one).toBeInstanceOf(ConfigError);
      else expect(essence(one)).toEqual(essence(other));
    }),
    propertyRuns(60),
  );
});

function lookup(tree: unknown, path: readonly string[]): unknown {
  return path.reduce((at, key) => (at as Tree)[key], tree);
}

test('the highest layer that sets a value wins, whatever the others say, and origins name it', () => {
  const level = fc.option(fc.constantFrom('debug', 'info', 'warn', 'error', 'fatal', 'silent'), { nil: undefined });
  fc.assert(
    fc.property(level, level, level, (file, overlay, environment) => {
      const loaded = attempt({
        file: file === undefined ? '' : `logging: { level: ${file} }\n`,
        ...(overlay === undefined ? {} : { overlay: { logging: { level: overlay } } }),
        env: environment === undefined ? {} : { LOG_LEVEL: environment },
      }) as LoadedConfig;
      const origin =
        environment !== undefined
          ? 'environment LOG_LEVEL'
          : overlay !== undefined
            ? 'overlay'
            : file !== undefined
              ? 'my.yaml:1'
              : null;
      expect(loaded.config.logging.level).toBe(environment ?? overlay ?? file ?? 'info');
      if (origin !== null) expect(loaded.origins.get('logging.level')).toBe(origin);
    }),
    propertyRuns(60),
  );
});

const canary = 'cAnArY-9f8e7d6c5b4a';
/** Forms that are right somewhere and wrong nearly everywhere. */
const wraps: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => `http://user:${secret}@127.0.0.1:9/v1?key=${secret}`,
  (secret) => `name=${secret},${secret}`,
  (secret) => `127.0.0.1:${secret}`,
  (secret) => `unix:${secret}`,
  (secret) => ` ${secret}\n`,
  (secret) => `sk-…${secret}`,
];

/** Everything a refusal or a start says. */
function said(outcome: LoadedConfig | ConfigError): string {
  if (outcome instanceof ConfigError) return `${outcome.message}\n${JSON.stringify(outcome.problems)}`;
  return `${outcome.warnings.join('\n')}\n${JSON.stringify([...outcome.origins])}`;
}

test('no message shows the value of a variable of ours, right or wrong', () => {
  // Names of files and of the environment are shown on purpose.
  const variables = [...knownVariables(providerTypes).keys()].filter((name) => name !== 'CONFIG_FILE' && name !== 'NODE_ENV');
  const settings = fc.dictionary(fc.constantFrom(...variables), fc.constantFrom(...wraps), { minKeys: 1, maxKeys: 4 });
  fc.assert(
    fc.property(settings, goodConfig, (chosen, overlay) => {
      const env = Object.fromEntries(Object.entries(chosen).map(([name, wrap]) => [name, wrap(canary)]));
      const text = said(attempt({ overlay, env }));
      expect(text.includes(canary), text).toBe(false);
    }),
    propertyRuns(80),
  );
});

test('no message shows a value that a setting takes out of the environment, whichever setting it is', () => {
  fc.assert(
    fc.property(goodConfig, fc.nat(30), fc.constantFrom(...wraps), (settings, pick, wrap) => {
      const paths = textPaths(settings);
      fc.pre(paths.length > 0);
      const path = paths[pick % paths.length]!;
      const overlay = withText(settings, path, () => '${' + 'SOME_SECRET}');
      const text = said(attempt({ overlay, env: { SOME_SECRET: wrap(canary) } }));
      expect(text.includes(canary), `${path.join('.')}: ${text}`).toBe(false);
    }),
    propertyRuns(80),
  );
});
