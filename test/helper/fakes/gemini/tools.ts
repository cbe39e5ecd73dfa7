import { type GeminiError, invalid } from './errors.ts';
import type { GeminiModel } from './models.ts';
import type { Canonical } from './proto.ts';
import { checkJsonSchema, checkSchema } from './schema.ts';

const namePattern = /^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$/;

/** Declarations, the calling configuration and which tools go together. `where` is the proto path before `tools`. */
export function checkTools(body: Canonical, where: string, family: GeminiModel, api: 'gemini' | 'vertex'): GeminiError | null {
  const tools = (body.tools as Canonical[] | undefined) ?? [];
  const names = new Set<string>();
  let builtIn = false;
  for (const [at, tool] of tools.entries()) {
    if (Object.keys(tool).some((field) => field !== 'functionDeclarations')) builtIn = true;
    for (const [index, declaration] of declarationsOf(tool).entries()) {
      const path = `${where}tools[${at}].function_declarations[${index}]`;
      const error = checkDeclaration(declaration, path);
      if (error !== null) return error;
      const name = String(declaration.name);
      if (names.has(name)) return invalid(`Duplicate function declaration found: ${name}`);
      names.add(name);
    }
  }
  const config = (body.toolConfig as Canonical | undefined) ?? {};
  return checkCombination(config, builtIn, names.size > 0, family, api) ?? checkCalling(config, names);
}

function checkDeclaration(declaration: Canonical, path: string): GeminiError | null {
  if (!namePattern.test(String(declaration.name ?? ''))) {
    return invalid(
      `* ${path}.name: Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), ` +
        'underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128.\n',
    );
  }
  for (const [schema, json] of [
    ['parameters', 'parametersJsonSchema'],
    ['response', 'responseJsonSchema'],
  ] as const) {
    const given = declaration[schema] as Canonical | undefined;
    const jsonGiven = declaration[json];
    const snake = schema === 'parameters' ? 'parameters_json_schema' : 'response_json_schema';
    if (given !== undefined && jsonGiven !== undefined)
      return invalid(`* ${path}.${schema}: only one of ${schema} and ${snake} may be set.\n`);
    if (given !== undefined && schema === 'parameters' && given.type !== undefined && given.type !== 'OBJECT') {
      return invalid(`* ${path}.parameters.type: parameters schema should be of type OBJECT.\n`);
    }
    const error = given === undefined ? null : checkSchema(given, `${path}.${schema}`, 'parameters');
    if (error !== null) return error;
    const jsonError = jsonGiven === undefined ? null : checkJsonSchema(jsonGiven, `${path}.${snake}`);
    if (jsonError !== null) return jsonError;
    if (schema === 'parameters' && jsonGiven !== undefined && (jsonGiven as Canonical).type !== 'object') {
      return invalid(`* ${path}.parameters_json_schema: schema must describe an object.\n`);
    }
  }
  return null;
}

function checkCombination(
  config: Canonical,
  builtIn: boolean,
  functions: boolean,
  family: GeminiModel,
  api: 'gemini' | 'vertex',
): GeminiError | null {
  const circulating = config.includeServerSideToolInvocations === true;
  if (circulating && family.generation < 3) return invalid('Tool call context circulation is not enabled for this model.');
  if (!builtIn || !functions) return null;
  if (!family.toolCombination) return invalid('Tool use with function calling is unsupported');
  if (api === 'gemini' && !circulating) {
    return invalid('Please enable tool_config.include_server_side_tool_invocations to use Built-in tools with Function calling.');
  }
  return null;
}

function checkCalling(config: Canonical, names: ReadonlySet<string>): GeminiError | null {
  const calling = config.functionCallingConfig as Canonical | undefined;
  if (calling === undefined) return null;
  if (names.size === 0) return invalid('Function calling config is set without function_declarations.');
  const allowed = (calling.allowedFunctionNames as string[] | undefined) ?? [];
  if (allowed.length > 0 && calling.mode !== 'ANY' && calling.mode !== 'VALIDATED') {
    return invalid('Allowed function names can only be set when the function calling mode is ANY or VALIDATED.');
  }
  const stranger = allowed.find((name) => !names.has(name));
  return stranger === undefined ? null : invalid(`Allowed function name ${stranger} is not found in function_declarations.`);
}

export function declarationsOf(tool: Canonical): Canonical[] {
  return (tool.functionDeclarations as Canonical[] | undefined) ?? [];
}
