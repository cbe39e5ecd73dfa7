import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, jsonOf, open, type Reply, requestBytes, streamError, textOf } from '../helper/client.ts';
import { gatewayKey } from './gateway.ts';
import { type CountingUpstream, slowBytes, words } from './upstream.ts';

/** Milliseconds one call may take; the slow reader needs 2 s. */
const limitMs = 30_000;
/** A kept connection unused for longer is closed: well before the gateway's own limit of 72 s. */
const keptMs = 20_000;
const largeText = 'large '.repeat(200_000);
const spoken = words.join('');
const [slowPiece, slowPauseMs] = [256 * 1024, 50];

/** A call that did not go as planned. */
class Unplanned extends Error {}

interface Extra {
  readonly stream?: true;
  readonly text?: string;
  readonly key?: string;
  readonly user?: string;
}

function bytesOf(model: string, { stream, text = 'Say hello.', key = gatewayKey, user }: Extra = {}): Buffer {
  return requestBytes({
    headers: { authorization: `Bearer ${key}` },
    body: { model, messages: [{ role: 'user', content: text }], stream: stream === true, user },
  });
}

function expectThat(fine: boolean, reply: Reply): void {
  if (!fine) throw new Unplanned(`status ${reply.status}, ended ${reply.ended}: ${reply.body.toString('utf8', 0, 200)}`);
}

/** The ways of calling, each of which resolves when all went as planned and rejects with what did not. */
export class Callers {
  readonly #url: string;
  readonly #upstream: CountingUpstream;
  #kept: { readonly connection: Connection; readonly at: number }[] = [];
  #count = 0;

  constructor(url: string, upstream: CountingUpstream) {
    this.#url = url;
    this.#upstream = upstream;
  }

  /** An answer in one document, on a connection that is kept. */
  async json(model: string, extra?: Extra): Promise<void> {
    const reply = await this.#ask(bytesOf(model, extra));
    expectThat(reply.status === 200 && reply.complete && 'choices' in jsonOf(reply), reply);
  }

  large(model: string): Promise<void> {
    return this.json(model, { text: largeText });
  }

  async stream(model: string): Promise<void> {
    const reply = await this.#ask(bytesOf(model, { stream: true }));
    const whole = reply.complete && reply.body.includes('data: [DONE]') && textOf(reply.body) === spoken;
    expectThat(reply.status === 200 && whole, reply);
  }

  /** An upstream that fails: an error status, or an error event in a stream that had begun. */
  async failing(model: string, stream: boolean): Promise<void> {
    const reply = await this.#ask(bytesOf(model, stream ? { stream } : {}));
    const told = reply.status >= 500 ? 'error' in jsonOf(reply) : reply.status === 200 && streamError(reply.body) !== null;
    expectThat(reply.complete && told && !reply.body.includes('[DONE]'), reply);
  }

  async wrongKey(): Promise<void> {
    const reply = await this.#ask(bytesOf('json', { key: `sk-postern-wrong-${this.#count++ % 5_000}` }));
    // Too many of them from one address are answered with 429.
    expectThat((reply.status === 401 || reply.status === 429) && 'error' in jsonOf(reply), reply);
  }

  /** Leaves while the upstream thinks. */
  async leaveWaiting(model: string, stream: boolean): Promise<void> {
    const user = String(this.#count++);
    const arrived = this.#upstream.arrival(user);
    await this.#leave(bytesOf(model, stream ? { stream, user } : { user }), () => arrived);
  }

  leaveMidStream(model: string): Promise<void> {
    return this.#leave(bytesOf(model, { stream: true }), (connection) => connection.saw('word5', limitMs));
  }

  /** Sends and leaves at once: whether the gateway, or the upstream, still saw it is open. */
  leaveAtOnce(model: string): Promise<void> {
    return this.#leave(bytesOf(model, { stream: true }), () => sleep(1));
  }

  /** Reads 256 KiB, waits, and so on. */
  async readSlowly(model: string): Promise<void> {
    const connection = await open(this.#url);
    const { socket } = connection;
    socket.removeAllListeners('data');
    let [read, next, end] = [0, slowPiece, ''];
    const whole = new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Unplanned(`only ${read} bytes within ${limitMs} ms`)), limitMs);
      socket.on('data', (bytes: Buffer) => {
        read += bytes.length;
        end = (end + bytes.toString('latin1', bytes.length - 64)).slice(-64);
        if (end.endsWith('0\r\n\r\n')) {
          clearTimeout(late);
          if (read > slowBytes && end.includes('data: [DONE]')) resolve();
          else reject(new Unplanned(`an answer of ${read} bytes that ends in ${JSON.stringify(end)}`));
        } else if (read >= next) {
          next += slowPiece;
          socket.pause();
          setTimeout(() => socket.resume(), slowPauseMs);
        }
      });
      socket.once('close', () => {
        clearTimeout(late);
        reject(new Unplanned(`closed after ${read} bytes`));
      });
    });
    connection.send(bytesOf(model, { stream: true }));
    await whole.finally(() => connection.leave('fin'));
  }

  /** Closes every kept connection. */
  close(): void {
    for (const { connection } of this.#kept) connection.leave('fin');
    this.#kept = [];
  }

  async #ask(bytes: Buffer): Promise<Reply> {
    const connection = await this.#take();
    const reply = await connection.ask(bytes, limitMs);
    if (reply.complete && reply.headers.connection !== 'close') this.#kept.push({ connection, at: performance.now() });
    else connection.leave('fin');
    return reply;
  }

  async #take(): Promise<Connection> {
    const since = performance.now() - keptMs;
    while (this.#kept.length > 0 && this.#kept[0]!.at < since) this.#kept.shift()!.connection.leave('fin');
    for (let last = this.#kept.pop(); last !== undefined; last = this.#kept.pop()) {
      if (last.connection.reply.ended === null) return last.connection;
    }
    return open(this.#url);
  }

  async #leave(bytes: Buffer, moment: (connection: Connection) => Promise<unknown>): Promise<void> {
    const connection = await open(this.#url);
    connection.send(bytes);
    const over = connection.closed(limitMs).then(({ ended, status }) => {
      throw new Unplanned(`ended by ${ended} after status ${status}, before the caller left`);
    });
    over.catch(() => {});
    await Promise.race([moment(connection), over]);
    connection.leave(this.#count++ % 2 === 0 ? 'rst' : 'fin');
  }
}
