import type { EncodeNotes } from '../../chat.ts';
import type { Target } from '../../provider.ts';
import type { CacheHint, ChatRequest } from '../../unified.ts';
import { refuse } from '../../wire/json.ts';
import { factsOf } from '../models.ts';
import { type NativeOptions, readOptions } from '../options.ts';
import { isVertex } from '../paths.ts';
import { encodeConversation } from './conversation.ts';
import { encodeGeneration } from './generation.ts';
import type { Scene } from './media.ts';
import { contentsOf, type Piece } from './pieces.ts';
import { fillSignatures } from './signatures.ts';
import type { SoundFormat } from './sound.ts';
import { encodeTools } from './tools.ts';

/** A chat request in the words of the API, before it is one document: what may be kept apart is apart. */
export interface EncodedChat {
  /** What every turn of a conversation begins with: `systemInstruction`, `tools`, `toolConfig`. */
  readonly head: Readonly<Record<string, unknown>>;
  readonly pieces: readonly Piece[];
  /** Everything else of the document. */
  readonly rest: Readonly<Record<string, unknown>>;
  /** The caller's mark on the system messages or tools. */
  readonly headCache: CacheHint | null;
  /** The caller's own cached content is used. */
  readonly cachedContent: boolean;
  readonly sound: SoundFormat;
}

const TIERS: Readonly<Record<string, string>> = {
  default: 'standard',
  standard: 'standard',
  flex: 'flex',
  priority: 'priority',
  fast: 'priority',
};

/** Throws `TranslationError` with reason `invalid_request` for what cannot be said, naming it. */
export function encodeChat(request: ChatRequest, target: Target, notes: EncodeNotes): EncodedChat {
  const scene: Scene = { provider: target.provider, facts: factsOf(target.model), notes };
  const options = readOptions(request);
  for (const name of options.ignored) notes.dropped(name);
  const { system, systemCache, pieces } = encodeConversation(request.messages, scene);
  fillSignatures(pieces, scene.facts);
  const { tools, toolConfig, cache } = encodeTools(request, options, scene);
  const functions = tools?.some((tool) => tool.functionDeclarations !== undefined) === true;
  const { config, sound } = encodeGeneration(request, options, functions, scene);
  const head = {
    ...(system.length === 0 ? {} : { systemInstruction: { parts: system } }),
    ...(tools === undefined ? {} : { tools }),
    ...(toolConfig === undefined ? {} : { toolConfig }),
  };
  return {
    head,
    pieces,
    rest: {
      ...(Object.keys(config).length === 0 ? {} : { generationConfig: config }),
      ...tierOf(request, scene),
      ...options.request,
      ...cachedContent(options, head),
    },
    headCache: systemCache ?? cache,
    cachedContent: options.cachedContent !== null,
    sound,
  };
}

/** The whole request as one document, with `pieces` as its contents. */
export function documentOf(
  chat: EncodedChat,
  head: Readonly<Record<string, unknown>>,
  pieces: readonly Piece[],
): Record<string, unknown> {
  return { contents: contentsOf(pieces), ...head, ...chat.rest };
}

function tierOf(request: ChatRequest, scene: Scene): Record<string, unknown> {
  const { serviceTier: tier } = request;
  if (tier === undefined || tier === 'auto') return {};
  const known = Object.hasOwn(TIERS, tier) ? TIERS[tier]! : null;
  // On Vertex AI the tier is a matter of headers and quota.
  if (known !== null && !isVertex(scene.provider)) return { serviceTier: known };
  if (known === 'standard') return {};
  scene.notes.unsupported(
    'service_tier',
    'This provider has the service tiers default, flex and priority; leave the field out for its own choice.',
  );
  return {};
}

function cachedContent(options: NativeOptions, head: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { cachedContent: name } = options;
  if (name === null) return {};
  if (Object.keys(head).length > 0) {
    refuse(
      'A cached content holds the system instruction and the tools itself: leave system messages and tools out of the request, or make the cached content anew.',
      'google.cached_content',
    );
  }
  return { cachedContent: name };
}
