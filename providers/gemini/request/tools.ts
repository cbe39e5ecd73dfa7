import type { CacheHint, ChatRequest, FunctionTool, ToolReference } from '../../unified.ts';
import { isObject, type JsonObject, refuse } from '../../wire/json.ts';
import { DIALECT } from '../dialect.ts';
import { camelCase, type NativeOptions } from '../options.ts';
import { isVertex } from '../paths.ts';
import { type Room, toParameters } from './json-schema.ts';
import type { Scene } from './media.ts';
import { toOpenApiParameters } from './openapi-schema.ts';

/** Nodes of all schemas together: 600 tools with a limit of 5000 each made 143 MB of 1 MB, in 6 s. */
const MAX_NODES = 20_000;

export interface EncodedTools {
  readonly tools?: readonly JsonObject[];
  readonly toolConfig?: JsonObject;
  /** The caller's mark on one of the tools. */
  readonly cache: CacheHint | null;
}

type Declaration = Record<string, unknown> & { readonly name: string };
interface Calling {
  readonly mode?: 'AUTO' | 'ANY' | 'NONE' | 'VALIDATED';
  readonly names?: readonly string[];
  /** Only these are declared, where no mode can say it. */
  readonly only?: readonly string[];
}

/**
 * Functions, the provider's own tools and how they are to be called. Throws `TranslationError` naming the tool that cannot be
 * declared, or the choice that cannot be said.
 */
export function encodeTools(request: ChatRequest, options: NativeOptions, scene: Scene): EncodedTools {
  const { facts } = scene;
  const { functions, native, cache } = sorted(request, options, scene);
  const calling = callingOf(request, functions, scene);
  const declared = calling.only === undefined ? functions : functions.filter(({ tool }) => calling.only!.includes(tool.name));
  const room: Room = { nodes: MAX_NODES };
  const declarations = declared.map(({ tool, at }) => declare(tool, `tools[${at}]`, scene, room));
  if (declarations.length > 0 && native.length > 0 && !facts.combined) {
    refuse('This model does not take functions and tools of the provider in one request; leave one of them out.', 'google.tools');
  }
  const tools = [...native, ...(declarations.length === 0 ? [] : [{ functionDeclarations: declarations }])];
  const toolConfig = {
    ...(calling.mode === undefined || declarations.length === 0
      ? {}
      : {
          functionCallingConfig: {
            mode: calling.mode,
            ...(calling.names === undefined ? {} : { allowedFunctionNames: calling.names }),
          },
        }),
    // The Gemini API wants this said; Vertex AI does not know it.
    ...(declarations.length > 0 && native.length > 0 && !isVertex(scene.provider)
      ? { includeServerSideToolInvocations: true }
      : {}),
    ...options.toolConfig,
  };
  return {
    ...(tools.length === 0 ? {} : { tools }),
    ...(Object.keys(toolConfig).length === 0 ? {} : { toolConfig }),
    cache,
  };
}

interface Placed {
  readonly tool: FunctionTool;
  readonly at: number;
}

function sorted(request: ChatRequest, options: NativeOptions, scene: Scene) {
  const functions: Placed[] = [];
  const native: JsonObject[] = [...options.tools];
  let cache: CacheHint | null = null;
  for (const [at, tool] of (request.tools ?? []).entries()) {
    if (tool.kind === 'function') {
      functions.push({ tool, at });
      cache = tool.cache ?? cache;
    } else if (tool.kind === 'foreign' && tool.dialect === DIALECT && isObject(tool.value)) native.push(tool.value);
    else {
      const what = tool.kind === 'custom' ? `The custom tool ${JSON.stringify(tool.name)}` : 'A tool of this type';
      refuse(`${what} cannot be used with this model; declare it as a function with a JSON schema.`, `tools[${at}]`);
    }
  }
  if (options.search !== null) {
    if (!native.some((tool) => Object.keys(tool).some((name) => camelCase(name) === 'googleSearch')))
      native.push({ googleSearch: {} });
    for (const name of ['user_location', 'search_context_size']) {
      const value = options.search[name];
      if (value !== undefined && value !== null && value !== 'medium') scene.notes.dropped(`web_search_options.${name}`);
    }
  }
  if (functions.length > 0 && !scene.facts.tools) {
    scene.notes.unsupported('tools', 'This model does not call functions; leave `tools` out, or name another model.');
    return { functions: [], native, cache: null };
  }
  return { functions, native, cache };
}

function declare(tool: FunctionTool, param: string, scene: Scene, room: Room): Declaration {
  const { parameters, description } = tool;
  const declaration = { name: tool.name, ...(description === undefined ? {} : { description }) };
  if (parameters === undefined || parameters === null) return declaration;
  const where = `${param}.function.parameters`;
  if (!isObject(parameters)) refuse('The parameters of a function have to be a JSON schema of type object.', where);
  if (scene.facts.toolSchema === 'json') {
    const parametersJsonSchema = toParameters(parameters, where, room);
    return parametersJsonSchema === null ? declaration : { ...declaration, parametersJsonSchema };
  }
  const converted = toOpenApiParameters(parameters, where, room);
  return converted === null ? declaration : { ...declaration, parameters: converted };
}

/**
 * `tool_choice` in the modes of the API: any of these functions for `required`, VALIDATED (text, or a call that keeps to the
 * schema) with names for allowed ones and for functions that are `strict`.
 */
function callingOf(request: ChatRequest, functions: readonly Placed[], scene: Scene): Calling {
  const choice = request.toolChoice ?? { mode: 'auto' };
  if (functions.length === 0) {
    if (choice.mode === 'required' || choice.mode === 'named' || (choice.mode === 'allowed' && choice.required)) {
      refuse('`tool_choice` asks for a call, but there is no function to call.', 'tool_choice');
    }
    return {};
  }
  switch (choice.mode) {
    case 'none':
      return { mode: 'NONE' };
    case 'required':
      return { mode: 'ANY' };
    case 'named':
      return { mode: 'ANY', names: named([choice.tool], functions) };
    case 'allowed': {
      const names = named(choice.tools, functions);
      if (choice.required) return { mode: 'ANY', names };
      return scene.facts.validated ? { mode: 'VALIDATED', names } : { only: names };
    }
    case 'auto':
      return strict(functions, scene);
  }
}

function strict(functions: readonly Placed[], scene: Scene): Calling {
  const first = functions.find(({ tool }) => tool.strict === true);
  if (first === undefined) return {};
  if (scene.facts.validated) return { mode: 'VALIDATED' };
  scene.notes.dropped(`tools[${first.at}].function.strict`);
  return {};
}

function named(references: readonly ToolReference[], functions: readonly Placed[]): readonly string[] {
  for (const { name } of references) {
    if (functions.some(({ tool }) => tool.name === name)) continue;
    refuse(`\`tool_choice\` names ${JSON.stringify(name.slice(0, 64))}, which is no function in \`tools\`.`, 'tool_choice');
  }
  return references.map(({ name }) => name);
}
