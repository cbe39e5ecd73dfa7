import type { GatewayProcess } from './process.ts';

/** Environment of a process that `attach` can look into: its inspector listens on a free port of 127.0.0.1. */
export const inspectable = { NODE_OPTIONS: '--inspect=127.0.0.1:0' } as const;

/** What a process holds. */
export interface Resources {
  /** `process.getActiveResourcesInfo()` by kind: handles, requests and timers that keep the process alive. */
  readonly active: Readonly<Record<string, number>>;
  /** Open file descriptors by kind (`socket`, `pipe`, a path); null where there is no /proc. */
  readonly descriptors: Readonly<Record<string, number>> | null;
}

/** What is left in its heap after a forced collection. */
export interface Heap {
  /** Reachable objects by class; `Timeout` has unreferenced timers too, which `Resources.active` leaves out. */
  readonly objects: Readonly<Record<string, number>>;
  /** Bytes. */
  readonly used: number;
}

/** Everything the inspector hands out is held until this group of it is released. */
const group = 'look';

/** A look into one process. */
export interface Probe {
  resources(): Promise<Resources>;
  /** Halts the process for about half a second. */
  heap(): Promise<Heap>;
  close(): void;
}

// Evaluated in the process looked at. Texts and not functions: what compiles this file may add calls of its own to those.

const resources = `(() => {
  const { existsSync, readdirSync, readlinkSync } = process.getBuiltinModule('node:fs');
  const count = (kinds) => {
    const sums = {};
    for (const kind of kinds.sort()) sums[kind] = (sums[kind] ?? 0) + 1;
    return sums;
  };
  const kindOf = (descriptor) => {
    try {
      return [readlinkSync('/proc/self/fd/' + descriptor).replace(/:\\[.*$/, '')];
    } catch {
      return []; // that of the listing itself
    }
  };
  return {
    active: count(process.getActiveResourcesInfo()),
    descriptors: existsSync('/proc/self/fd') ? count(readdirSync('/proc/self/fd').flatMap(kindOf)) : null,
  };
})()`;

const countClasses = `function () {
  const sums = new Map();
  for (const each of this) {
    const type = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(each) ?? {}, 'constructor')?.value;
    const name = (typeof type === 'function' && type.name) || '(none)';
    sums.set(name, (sums.get(name) ?? 0) + 1);
  }
  return Object.fromEntries([...sums].sort());
}`;

/** Connects to the inspector of a process started with `inspectable`. It runs on a thread of its own and adds no handle. */
export async function attach(gateway: GatewayProcess): Promise<Probe> {
  const address = /ws:\/\/\S+/.exec(gateway.stderr())?.[0];
  if (address === undefined) throw new Error('The process does not say where its inspector is: start it with `inspectable`.');
  const socket = new WebSocket(address);
  const waiting = new Map<number, (answer: { result?: unknown; error?: { message: string } }) => void>();
  socket.onmessage = ({ data }) => {
    const answer = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: { message: string } };
    waiting.get(answer.id ?? -1)?.(answer);
  };
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error(`The inspector at ${address} cannot be reached.`));
  });
  let last = 0;

  function command(method: string, params: object = {}): Promise<unknown> {
    const id = ++last;
    return new Promise((resolve, reject) => {
      waiting.set(id, ({ result, error }) => {
        waiting.delete(id);
        if (error === undefined) resolve(result);
        else reject(new Error(`${method}: ${error.message}`));
      });
      socket.send(JSON.stringify({ id, method, params }));
    });
  }

  async function evaluate<T>(method: string, params: object): Promise<Evaluated<T>> {
    const answer = (await command(method, { ...params, objectGroup: group })) as {
      result: Evaluated<T>;
      exceptionDetails?: { exception?: { description?: string } };
    };
    const { exceptionDetails } = answer;
    if (exceptionDetails !== undefined) throw new Error(`Inside the process: ${exceptionDetails.exception?.description}`);
    return answer.result;
  }

  async function read<T>(expression: string): Promise<T> {
    return (await evaluate<T>('Runtime.evaluate', { expression, returnByValue: true })).value;
  }

  async function objects(): Promise<Record<string, number>> {
    const { objectId: prototypeObjectId } = await evaluate('Runtime.evaluate', { expression: 'Object.prototype' });
    const { objects: found } = (await command('Runtime.queryObjects', { prototypeObjectId, objectGroup: group })) as {
      objects: Evaluated<never>;
    };
    const { value } = await evaluate<Record<string, number>>('Runtime.callFunctionOn', {
      functionDeclaration: countClasses,
      objectId: found.objectId,
      returnByValue: true,
    });
    await command('Runtime.releaseObjectGroup', { objectGroup: group });
    return value;
  }

  return {
    resources: () => read<Resources>(resources),
    async heap() {
      const counts = await objects();
      await command('HeapProfiler.collectGarbage');
      return { objects: counts, used: await read<number>('process.memoryUsage().heapUsed') };
    },
    close: () => socket.close(),
  };
}

/** A value of the process looked at, or a handle to it. */
interface Evaluated<T> {
  readonly value: T;
  readonly objectId?: string;
}
