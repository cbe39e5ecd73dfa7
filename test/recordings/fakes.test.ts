import { expect, test } from 'vitest';
import { validateAnthropic, validateGemini } from '../helper/fakes/index.ts';
import { type RecordedRequest, type Recording, recordedCounts, recordings } from './store.ts';

/** What a fake says to a recorded request. Recorded signatures are the real API's; recorded files may be cut short. */
type Verdict = { readonly status: number; readonly kind: string; readonly message: string } | null;

const fakes: Readonly<Record<string, (request: RecordedRequest) => Verdict>> = {
  gemini: askGemini,
  'vertex-gemini': askGemini,
  anthropic(request) {
    const beta = request.query.get('beta') === 'true';
    const refusal = validateAnthropic(request.path, request.body, { trustSignatures: true, beta });
    return refusal === null
      ? null
      : { status: refusal.status, kind: refusal.body.error.type, message: refusal.body.error.message };
  },
};

function askGemini(request: RecordedRequest): Verdict {
  const refusal = validateGemini(request.path, request.body, { trustSignatures: true, truncatedBase64: true, cache: 'trust' });
  return refusal === null
    ? null
    : { status: refusal.status, kind: refusal.body.error.status, message: refusal.body.error.message };
}

/** Recorded exchanges that are not held against a fake, each with its reason. There are none. */
const excluded: Readonly<Record<string, string>> = {};

const { available, folder, list } = recordings();

for (const [provider, ask] of Object.entries(fakes)) {
  test(`the fake of ${provider} accepts every recorded request and refuses every one the API refused`, () => {
    if (!available) {
      console.log(`${folder} is absent: ${recordedCounts[provider]} recordings of ${provider} left out`);
      return;
    }
    const asked = list.filter((entry) => entry.provider === provider);
    const tried = asked.filter((entry) => entry.request !== null && excluded[entry.name] === undefined);
    const good = tried.filter((entry) => entry.status < 300);
    const bad = tried.filter((entry) => entry.status >= 400);
    const wrongly = good
      .map((entry) => [entry.name, ask(entry.request!)?.message])
      .filter(([, message]) => message !== undefined);
    const missed = bad
      .map((entry) => [entry.name, differs(entry, ask(entry.request!))])
      .filter(([, difference]) => difference !== null);
    console.log(
      `${provider}: accepted ${good.length - wrongly.length} of ${good.length}, refused ${bad.length - missed.length} of ${bad.length}` +
        ` (${asked.length - tried.length} of ${asked.length} have no request)`,
    );
    expect(wrongly).toEqual([]);
    expect(missed).toEqual([]);
    expect(asked.length).toBe(recordedCounts[provider]);
    expect(good.length).toBeGreaterThan(0);
  });
}

/** The status, the kind and the text of a refusal have to be the recorded ones. */
function differs(entry: Recording, verdict: Verdict): string | null {
  const { error } = entry.json as { error: { status?: string; type?: string; message: string } };
  const recorded = `${entry.status} ${error.status ?? error.type} ${error.message}`;
  const given = verdict === null ? 'accepted' : `${verdict.status} ${verdict.kind} ${verdict.message}`;
  return given === recorded ? null : `${given} instead of ${recorded}`;
}
