import './plugins/lifecycle/early-signals.ts';
import closeWithGrace from 'close-with-grace';
import { buildGateway, type Gateway } from './app.ts';
import { banner } from './config/banner.ts';
import { ConfigError, type LoadedConfig, loadConfig } from './config/load.ts';
import { findRoot } from './config/root.ts';
import { leaveAtOnce } from './plugins/lifecycle/drain.ts';
import { startIsInterruptible } from './plugins/lifecycle/early-signals.ts';
import { lastWords, secretsIn } from './plugins/lifecycle/last-words.ts';
import { onStop } from './plugins/lifecycle/signals.ts';
import { providerTypes } from './providers/index.ts';
import { secretsOfProvider } from './providers/secrets.ts';
import { type Config, ConfigSchema } from './schemas/config.ts';

// The process: read the configuration, build, listen, say so, and leave in order.

function load(): LoadedConfig {
  process.env.NODE_ENV ||= 'production';
  return loadConfig({ root: findRoot(), env: process.env, types: providerTypes });
}

/** A start that cannot go on. Errors thrown on purpose say everything in their message; others come with their stack. */
function giveUp(error: unknown): never {
  const onPurpose = error instanceof ConfigError || (error instanceof Error && ['Error', 'ListenError'].includes(error.name));
  const text = error instanceof Error ? (onPurpose ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`postern cannot start.\n${text}\n`);
  process.exit(1);
}

/** After an uncaught error nothing is known about the state of the process: note it, keep what is acknowledged, go. */
function leaveAfter(error: unknown, gateway: Gateway, config: Config): never {
  // Keys that came through the admin API are in no configuration.
  const keys = [...gateway.api.router.providers.values()].flatMap(secretsOfProvider);
  gateway.log.fatal({ err: lastWords(error, [...secretsIn(ConfigSchema, config), ...keys]) }, 'uncaught error: leaving');
  gateway.api.usage.flush();
  process.exit(1);
}

function leaveInOrder(gateway: Gateway, { config }: LoadedConfig): void {
  const { delay, timeout } = config.server.shutdown;
  const hangs = delay + timeout + 5_000;
  const grace = closeWithGrace(
    {
      delay: hangs,
      logger: false,
      skip: ['SIGTERM', 'SIGINT'],
      onSecondError: (error) => leaveAfter(error, gateway, config),
      onTimeout: () => gateway.log.error('the shutdown hangs: leaving at once'),
    },
    async (why) => {
      // Not its value: a rejection may have no reason at all.
      if ('err' in why) leaveAfter(why.err, gateway, config);
      if (why.signal !== undefined) gateway.log.info({ signal: why.signal }, 'shutting down');
      await gateway.drain();
      gateway.log.info('bye');
    },
  );
  onStop(
    (signal) => {
      gateway.log.info({ signal }, 'shutting down');
      void grace.close();
    },
    (signal) => {
      gateway.log.warn({ signal }, 'second signal: leaving at once');
      leaveAtOnce(gateway.api);
      process.exit(1);
    },
  );
}

try {
  const loaded = load();
  const gateway = await buildGateway(loaded);
  leaveInOrder(gateway, loaded);
  startIsInterruptible(false);
  const urls = await gateway.listen();
  for (const warning of loaded.warnings) gateway.log.warn(warning);
  gateway.log.info(
    { api: `${urls.api}/v1`, management: urls.management, started_ms: Math.round(performance.now()) },
    'listening',
  );
  const { mode } = gateway.api.auth;
  const config = { ...loaded.config, auth: { ...loaded.config.auth, mode } };
  process.stderr.write(banner({ ...loaded, config }, gateway.api.router.providers, urls));
} catch (error) {
  giveUp(error);
}
