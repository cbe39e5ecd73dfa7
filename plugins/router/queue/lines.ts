import type { TargetState } from '../target-state.ts';
import { Link, Links } from './links.ts';

/** Of the intervals between two that are let in, this part is the latest one. */
const gain = 0.05;
/** So many have to be let in before the interval is believed. */
const known = 16;

/** A place in a line. */
export type Place<T> = Link<T>;

class Line<T> extends Links<T> {
  readonly name: string;
  readonly turn: Link<Line<T>> = new Link<Line<T>>(this);

  constructor(name: string) {
    super();
    this.name = name;
  }
}

/** Those who wait for one target: in lines by name, served in turn, each line first come first served. */
export class Lines<T> {
  readonly state: TargetState;
  /** The target was found out of use, and those who wait know. */
  out = false;
  /** Its place among those with somebody in it; -1 = none. */
  active = -1;
  /** To be looked at in this turn of the event loop. */
  due = false;
  size = 0;
  readonly #lines = new Map<string, Line<T>>();
  readonly #turns = new Links<Line<T>>();
  #interval = 0;
  #servedAt = 0;
  #served = 0;

  constructor(state: TargetState) {
    this.state = state;
  }

  enter(name: string, place: Place<T>, front: boolean, now: number): void {
    if (this.size === 0) {
      this.#servedAt = now;
      this.#served = 0;
    }
    const line = this.#line(name);
    if (front) line.unshift(place);
    else line.push(place);
    this.size++;
  }

  leave(place: Place<T>): void {
    const line = place.list as Line<T> | null;
    if (line === null) return;
    line.remove(place);
    this.size--;
    if (line.size > 0) return;
    this.#turns.remove(line.turn);
    this.#lines.delete(line.name);
  }

  /** Whose turn it is; null when nobody waits. Its line comes last from now on. */
  next(now: number): T | null {
    const turn = this.#turns.first;
    if (turn === null) return null;
    this.#turns.remove(turn);
    this.#turns.push(turn);
    const interval = now - this.#servedAt;
    this.#interval = this.#served === 0 ? interval : this.#interval + gain * (interval - this.#interval);
    this.#servedAt = now;
    this.#served++;
    return turn.value.first!.value;
  }

  /** Milliseconds between two that are let in; 0 while that is not known. */
  interval(now: number): number {
    return this.#served < known ? 0 : Math.max(this.#interval, now - this.#servedAt);
  }

  /** How many come before one more of this line. */
  ahead(name: string): number {
    const line = this.#lines.get(name);
    const lines = this.#lines.size + (line === undefined ? 1 : 0);
    return Math.min(this.size, (line?.size ?? 0) * lines + lines - 1);
  }

  everybody(): T[] {
    const all: T[] = [];
    for (const line of this.#lines.values()) {
      for (let place = line.first; place !== null; place = place.after) all.push(place.value);
    }
    return all;
  }

  #line(name: string): Line<T> {
    const line = this.#lines.get(name);
    if (line !== undefined) return line;
    const made = new Line<T>(name);
    this.#lines.set(name, made);
    this.#turns.push(made.turn);
    return made;
  }
}
