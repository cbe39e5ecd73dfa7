import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../fixtures/openai/', import.meta.url);

export function fixture(name: string): Buffer {
  return readFileSync(new URL(name, folder));
}

export function fixtureJson(name: string): Record<string, unknown> {
  return JSON.parse(fixture(name).toString()) as Record<string, unknown>;
}

/** Fixtures whose name begins so, in order. */
export function fixtures(prefix: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix))
    .sort();
}

/** The chat streams. */
export const chatStreams = fixtures('stream-').filter((name) => !name.includes('responses-api'));
