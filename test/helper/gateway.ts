import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { buildGateway, type Gateway } from '../../app.ts';
import { loadConfig } from '../../config/load.ts';
import { providerTypes } from '../../providers/index.ts';
import type { ProviderType } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';
import { whenDone } from './cleanup.ts';
import './compiled-schemas.ts';
import { type LedgerRow, settledRows } from './ledger.ts';

export const root = join(import.meta.dirname, '../..');

export interface GatewayOptions {
  /** Written as in a configuration file; stands above the files, below `env`. */
  readonly overlay?: object;
  readonly env?: Readonly<Record<string, string>>;
  /** Level of the log lines kept for `logs()`; default `silent`. */
  readonly log?: Config['logging']['level'];
  readonly random?: () => number;
  /** Default: all of the project's. */
  readonly types?: readonly ProviderType[];
}

export interface TestGateway {
  /** `http://127.0.0.1:port` of the API. */
  readonly url: string;
  readonly managementUrl: string;
  readonly config: Config;
  readonly gateway: Gateway;
  readonly dataDir: string;
  /** Resolves with the ledger's rows, in order, once at least `count` of them are settled. */
  ledgerRows(count?: number): Promise<LedgerRow[]>;
  /** Log lines so far, parsed. */
  logs(): Record<string, unknown>[];
  close(): Promise<void>;
}

/** The whole gateway in this process, listening on free ports of 127.0.0.1, closed when the test (or its file) is over. */
export async function startGateway(options: GatewayOptions = {}): Promise<TestGateway> {
  const dataDir = mkdtempSync(join(tmpdir(), 'postern-test-'));
  const env = {
    NODE_ENV: 'test',
    LISTEN: '127.0.0.1:0',
    MANAGEMENT_LISTEN: '127.0.0.1:0',
    DATA_DIR: dataDir,
    LOG_LEVEL: options.log ?? 'silent',
    ...options.env,
  };
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(...String(chunk).trimEnd().split('\n'));
      done();
    },
  });
  const loaded = loadConfig({ root, env, types: options.types ?? providerTypes, overlay: options.overlay ?? {}, cwd: root });
  const gateway = await buildGateway(loaded, {
    logger: stream,
    ...(options.random === undefined ? {} : { random: options.random }),
  });
  const urls = await gateway.listen();
  let closing: Promise<void> | null = null;
  const close = () => {
    closing ??= gateway.close().finally(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }));
    return closing;
  };
  whenDone(close);
  return {
    url: urls.api,
    managementUrl: urls.management,
    config: loaded.config,
    gateway,
    dataDir,
    ledgerRows: (count = 0) => settledRows(dataDir, count),
    logs: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    close,
  };
}
