// The parts of autocannon used here; the package has no types of its own.
declare module 'autocannon' {
  interface Options {
    readonly url: string;
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string | Buffer;
    readonly connections: number;
    /** Requests in total, over all connections. */
    readonly amount: number;
    /** Seconds until a request counts as timed out. */
    readonly timeout: number;
    readonly expectBody?: string;
  }
  interface Result {
    readonly errors: number;
    readonly timeouts: number;
    readonly mismatches: number;
    readonly '2xx': number;
    readonly non2xx: number;
    readonly requests: { readonly sent: number; readonly total: number };
  }
  export default function autocannon(options: Options): Promise<Result>;
}
