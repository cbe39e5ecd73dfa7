import { Lines, type Place } from './queue/lines.ts';
import { Link } from './queue/links.ts';
import { Shares } from './queue/shares.ts';
import type { TargetState } from './target-state.ts';

/** What no event tells (a rest is over, a breaker lets its probe through) is seen this late. Milliseconds. */
const lookEvery = 50;

/** Why a call does not wait (any longer). */
export type NotWaiting = 'full' | 'hopeless' | 'displaced' | 'expired';

/** One call that waits. Exactly one of `ready` and `refused` is called, once, and never before `enter` has returned. */
export interface Waiter {
  /** Targets that could take it once they have room, or are back. */
  readonly states: readonly TargetState[];
  readonly model: string;
  /** Whose call it is; '' where nobody has a key. */
  readonly key: string;
  /** One of its targets may take a request, or none of them can be hoped for any more. */
  ready(): void;
  refused(why: NotWaiting): void;
}

/** How long and in what company a call waits. */
export interface WaitLimits {
  /** Calls of its model that may wait together; null: as many as of all models. */
  readonly max: number | null;
  /** Milliseconds. */
  readonly ms: number;
  /** It has waited before, or was sent before: it comes ahead of the others of its model and key. */
  readonly front: boolean;
}

class Entry {
  readonly waiter: Waiter;
  readonly line: string;
  readonly front: boolean;
  readonly since: number;
  readonly places: Place<Entry>[] = [];
  readonly share: Link<Entry> = new Link<Entry>(this);
  readonly modelShare: Link<Entry> = new Link<Entry>(this);
  timer: NodeJS.Timeout | null = null;
  over = false;

  constructor(waiter: Waiter, front: boolean, since: number) {
    this.waiter = waiter;
    this.line = `${waiter.key} ${waiter.model}`;
    this.front = front;
    this.since = since;
  }
}

export interface WaitingRoomOptions {
  /** Calls that may wait together. */
  readonly max: number;
  /** Whether requests may be sent to a target, its limit left aside. */
  readonly usable: (state: TargetState) => boolean;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** Whether there is a place, or somebody who has to leave for it. */
function makeRoom(shares: Shares<Entry> | undefined, max: number, key: string, leaving: Set<Entry>): boolean {
  if ((shares?.size ?? 0) < max) return true;
  const displaced = max === 0 ? null : (shares?.displacedBy(key) ?? null);
  if (displaced !== null) leaving.add(displaced);
  return displaced !== null;
}

/**
 * Calls that wait because every target they could use is at its limit. For each target they stand in lines by key and model, which
 * are served in turn, each first come first served. As many are called as there is room for; each takes its place before the next
 * one is called. Those whose targets all went out of use are called too, to be told so. Every event costs the same, however many wait.
 */
export class WaitingRoom {
  /** Calls that were not waited for long enough, by reason. */
  readonly counts: Record<NotWaiting, number> = { full: 0, hopeless: 0, displaced: 0, expired: 0 };
  /** Hears how long a call has waited that was let in. Milliseconds. */
  onWaited: ((ms: number) => void) | null = null;
  readonly #options: WaitingRoomOptions;
  readonly #lines = new WeakMap<TargetState, Lines<Entry>>();
  readonly #active: Lines<Entry>[] = [];
  readonly #shares = new Shares<Entry>();
  readonly #models = new Map<string, Shares<Entry>>();
  #due: Lines<Entry>[] = [];
  /** Those who come back while others are let in: they may not come before everybody was asked. */
  #again: Entry[] | null = null;
  #looking: NodeJS.Timeout | null = null;
  readonly #serveDue = (): void => this.#serveAll();

  constructor(options: WaitingRoomOptions) {
    this.#options = options;
  }

  /** Calls that wait now. */
  get size(): number {
    return this.#shares.size;
  }

  /** Calls that were refused because of the queue. */
  get refused(): number {
    const { full, hopeless, displaced, expired } = this.counts;
    return full + hopeless + displaced + expired;
  }

  /** How to leave early; or why it cannot wait, and then nothing else happens. */
  enter(waiter: Waiter, limits: WaitLimits): (() => void) | NotWaiting {
    const now = this.#options.now();
    const entry = new Entry(waiter, limits.front, now);
    const why = this.#obstacle(entry, limits, now);
    if (why !== null) {
      this.counts[why]++;
      return why;
    }
    this.#shares.add(waiter.key, entry.share);
    if (limits.max !== null) this.#modelShares(waiter.model).add(waiter.key, entry.modelShare);
    entry.timer = setTimeout(() => this.#refuse(entry, 'expired'), limits.ms);
    this.#looking ??= setInterval(() => this.#look(), lookEvery).unref();
    if (this.#again !== null && limits.front) this.#again.push(entry);
    else this.#place(entry, now);
    return () => this.#remove(entry);
  }

  /** Calls that wait for one target. */
  length(state: TargetState): number {
    return this.#lines.get(state)?.size ?? 0;
  }

  #obstacle(entry: Entry, { max, ms }: WaitLimits, now: number): NotWaiting | null {
    // Not again those who had a place.
    if (!entry.front && this.#wouldTake(entry, now) > ms) return 'hopeless';
    const { key, model } = entry.waiter;
    const leaving = new Set<Entry>();
    if (!makeRoom(this.#shares, this.#options.max, key, leaving)) return 'full';
    if (max !== null && !makeRoom(this.#models.get(model), max, key, leaving)) return 'full';
    // Only now: who cannot stay may not have driven anybody out.
    for (const displaced of leaving) this.#refuse(displaced, 'displaced');
    return null;
  }

  /** Milliseconds it would wait, going by how fast others are let in; 0 when that is not known. */
  #wouldTake({ waiter, line }: Entry, now: number): number {
    let rate = 0;
    let ahead = 0;
    for (const state of waiter.states) {
      const lines = this.#lines.get(state);
      if (lines === undefined || lines.size === 0) return 0;
      const interval = lines.interval(now);
      if (interval === 0) return 0;
      rate += 1 / interval;
      ahead = Math.max(ahead, lines.ahead(line));
    }
    return rate === 0 ? 0 : ahead / rate;
  }

  #place(entry: Entry, now: number): void {
    for (const state of entry.waiter.states) {
      const lines = this.#linesOf(state);
      const place = new Link<Entry>(entry);
      entry.places.push(place);
      if (lines.size === 0) this.#activate(lines);
      lines.enter(entry.line, place, entry.front, now);
    }
  }

  #linesOf(state: TargetState): Lines<Entry> {
    const known = this.#lines.get(state);
    if (known !== undefined) return known;
    const lines = new Lines<Entry>(state);
    this.#lines.set(state, lines);
    state.onRoom = () => this.#roomAt(lines);
    return lines;
  }

  #activate(lines: Lines<Entry>): void {
    lines.out = !this.#options.usable(lines.state);
    if (lines.active < 0) lines.active = this.#active.push(lines) - 1;
  }

  #deactivate(lines: Lines<Entry>): void {
    const last = this.#active.pop()!;
    if (last !== lines) {
      this.#active[lines.active] = last;
      last.active = lines.active;
    }
    lines.active = -1;
  }

  /** A request of the target has ended, or its limit has grown. Who just ended it comes first: it may have to send once more. */
  #roomAt(lines: Lines<Entry>): void {
    if (this.size === 0) return;
    this.#toServe(lines);
    const { sockets } = lines.state;
    if (sockets === null || sockets.inFlight < sockets.max - 1) return;
    // The provider had no socket left: others of its targets have room again.
    for (const other of this.#active) if (other.state.sockets === sockets) this.#toServe(other);
  }

  #toServe(lines: Lines<Entry>): void {
    if (lines.due || lines.size === 0) return;
    lines.due = true;
    if (this.#due.push(lines) === 1) process.nextTick(this.#serveDue);
  }

  #serveAll(): void {
    const due = this.#due;
    this.#due = [];
    for (const lines of due) {
      lines.due = false;
      this.#serve(lines);
    }
  }

  #look(): void {
    for (const lines of [...this.#active]) {
      if (lines.size > 0) this.#serve(lines);
      else this.#deactivate(lines);
    }
    if (this.#active.length > 0 || this.#looking === null) return;
    clearInterval(this.#looking);
    this.#looking = null;
  }

  #serve(lines: Lines<Entry>): void {
    const { state } = lines;
    if (this.#options.usable(state)) this.#letAllIn(lines, state);
    if (!this.#options.usable(state)) this.#outOfUse(lines);
  }

  #letAllIn(lines: Lines<Entry>, state: TargetState): void {
    lines.out = false;
    this.#again = [];
    while (!state.full && this.#options.usable(state)) {
      const now = this.#options.now();
      const entry = lines.next(now);
      if (entry === null) break;
      this.#letIn(entry, now);
    }
    const again = this.#again;
    this.#again = null;
    const now = this.#options.now();
    for (const entry of again.reverse()) if (!entry.over) this.#place(entry, now);
  }

  #letIn(entry: Entry, now: number): void {
    this.#remove(entry);
    this.onWaited?.(now - entry.since);
    entry.waiter.ready();
  }

  /** Once when the target goes out of use: who could go nowhere else is told. */
  #outOfUse(lines: Lines<Entry>): void {
    if (lines.out) return;
    lines.out = true;
    for (const entry of lines.everybody()) {
      if (entry.over || entry.waiter.states.some(this.#options.usable)) continue;
      this.#remove(entry);
      entry.waiter.ready();
    }
  }

  #refuse(entry: Entry, why: NotWaiting): void {
    this.counts[why]++;
    this.#remove(entry);
    entry.waiter.refused(why);
  }

  #modelShares(model: string): Shares<Entry> {
    const known = this.#models.get(model);
    if (known !== undefined) return known;
    const shares = new Shares<Entry>();
    this.#models.set(model, shares);
    return shares;
  }

  #remove(entry: Entry): void {
    if (entry.over) return;
    entry.over = true;
    if (entry.timer !== null) clearTimeout(entry.timer);
    entry.timer = null;
    const { waiter, places } = entry;
    this.#shares.remove(waiter.key, entry.share);
    const models = this.#models.get(waiter.model);
    if (models !== undefined) {
      models.remove(waiter.key, entry.modelShare);
      if (models.size === 0) this.#models.delete(waiter.model);
    }
    for (const [at, place] of places.entries()) this.#lines.get(waiter.states[at]!)!.leave(place);
  }
}
