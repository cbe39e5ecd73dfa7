import { connect, type Socket } from 'node:net';

// An open loop that costs little: at several times of what a gateway can do, a whole HTTP client would be what is measured. Calls
// are bytes that are ready; of an answer it reads the status and the length.

const headEnd = Buffer.from('\r\n\r\n');

/** One connection, one call at a time. */
class Line {
  free = false;
  readonly #socket: Socket;
  readonly #load: OverloadLoad;
  #sentAt = 0;
  #status = 0;
  #left = 0;
  #head: Buffer = Buffer.alloc(0);

  constructor(port: number, load: OverloadLoad) {
    this.#load = load;
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.on('connect', () => load.idle(this));
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.on('close', () => load.lost(this, this.#sentAt > 0));
  }

  send(bytes: Buffer, arrivedAt: number): void {
    this.#sentAt = arrivedAt;
    this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    let body = chunk;
    if (this.#status === 0) {
      this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
      const end = this.#head.indexOf(headEnd);
      if (end < 0) return;
      const head = this.#head.toString('latin1', 0, end);
      this.#status = Number(head.slice(9, 12));
      this.#left = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      body = this.#head.subarray(end + 4);
      this.#head = Buffer.alloc(0);
    }
    this.#left -= body.length;
    if (this.#left > 0) return;
    const status = this.#status;
    this.#status = 0;
    const arrived = this.#sentAt;
    this.#sentAt = 0;
    this.#load.answered(status, performance.now() - arrived);
    this.#load.idle(this);
  }
}

export interface OverloadResult {
  /** Calls that came, per second; those that found no connection free and no more to open are among them. */
  readonly offered: number;
  /** 200s per second. */
  readonly goodput: number;
  /** Milliseconds from the arrival of a call, in order. */
  readonly good: number[];
  readonly refused: number[];
  readonly failed: number;
  /** Calls for which the load had no connection: their callers would wait. */
  readonly unsent: number;
}

/** Calls at a fixed rate over as many connections as it takes, up to `connections`. */
export class OverloadLoad {
  readonly #port: number;
  readonly #connections: number;
  readonly #bytes: Buffer;
  readonly #free: Line[] = [];
  readonly #lines = new Set<Line>();
  #good: number[] = [];
  #refused: number[] = [];
  #failed = 0;
  #open = 0;

  constructor(port: number, headers: Readonly<Record<string, string>>, connections: number, body: Buffer) {
    this.#port = port;
    this.#connections = connections;
    const lines = Object.entries({
      host: '127.0.0.1',
      'content-type': 'application/json',
      'content-length': String(body.length),
      ...headers,
    });
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    this.#bytes = Buffer.concat([Buffer.from(`POST /v1/chat/completions HTTP/1.1\r\n${head}\r\n`), body]);
  }

  idle(line: Line): void {
    this.#free.push(line);
  }

  lost(line: Line, busy: boolean): void {
    this.#lines.delete(line);
    const at = this.#free.indexOf(line);
    if (at >= 0) this.#free.splice(at, 1);
    if (!busy) return;
    this.#open--;
    this.#failed++;
  }

  answered(status: number, ms: number): void {
    this.#open--;
    if (status === 200) this.#good.push(ms);
    else if (status === 503) this.#refused.push(ms);
    else this.#failed++;
  }

  async run(perSecond: number, ms: number): Promise<OverloadResult> {
    this.#good = [];
    this.#refused = [];
    this.#failed = 0;
    let arrived = 0;
    let unsent = 0;
    const began = performance.now();
    for (let passed = 0; passed < ms; passed = performance.now() - began) {
      for (; (arrived * 1000) / perSecond <= passed; arrived++) {
        const line = this.#free.pop();
        if (line === undefined) {
          unsent++;
          if (this.#lines.size < this.#connections) this.#lines.add(new Line(this.#port, this));
          continue;
        }
        this.#open++;
        line.send(this.#bytes, performance.now());
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const took = performance.now() - began;
    const good = this.#good.length;
    const late = performance.now() + 10_000;
    while (this.#open > 0 && performance.now() < late) await new Promise((resolve) => setTimeout(resolve, 5));
    const order = (numbers: number[]) => numbers.sort((a, b) => a - b);
    return {
      offered: (arrived * 1000) / took,
      goodput: (good * 1000) / took,
      good: order(this.#good),
      refused: order(this.#refused),
      failed: this.#failed,
      unsent,
    };
  }

  close(): void {
    for (const line of this.#lines) line.close();
  }
}
