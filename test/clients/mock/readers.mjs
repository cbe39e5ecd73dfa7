// What a request asks for, read from the body that arrived at the mock server, in the same words for every dialect:
//
//   system, user   text of the instructions and of the last user turn
//   results        [{ id, name, text }] of the calls whose results end the conversation
//   tools          [{ name, schema }]
//   choice         'auto' | 'none' | 'required' | the name of the tool that has to be called
//   parallel       several calls in one answer are welcome
//   json           null, 'object' (JSON without a schema) or the schema the answer has to follow
//   media          of the last user turn: 'image/png 70' (media type and bytes) or the URL
//   thinking       the answer is to show its reasoning
//   signature      what came back with the calls that `results` answer, where the dialect wants it back; else undefined
//   settings       sampling and limits, by one name each; absent when not asked for
//   choices        how many answers
//   logprobs       undefined, or alternatives wanted for each token

const list = (value) => (Array.isArray(value) ? value : []);

function sized(mediaType, base64) {
  return `${mediaType} ${Buffer.from(base64 ?? '', 'base64').length}`;
}

function fromDataUrl(url) {
  const match = /^data:([^;,]*)[^,]*,(.*)$/s.exec(url ?? '');
  return match === null ? String(url) : sized(match[1], match[2]);
}

/** `settings` without what is not there. */
function present(settings) {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined && value !== null));
}

function lastTurn(messages, isUser) {
  let start = messages.length;
  while (start > 0 && isUser(messages[start - 1])) start--;
  return messages.slice(start);
}

/** `named`, or what `allowed_tools` comes to. */
function choiceAmong(allowed, named) {
  if (allowed === undefined) return named;
  return allowed.mode === 'required' && allowed.tools.length === 1 ? allowed.tools[0].function.name : allowed.mode;
}

function openai(body) {
  const messages = list(body.messages);
  const text = (message) =>
    typeof message.content === 'string'
      ? message.content
      : list(message.content)
          .filter((part) => part.type === 'text')
          .map((part) => part.text)
          .join('');
  const names = new Map();
  for (const message of messages) for (const call of list(message.tool_calls)) names.set(call.id, call.function?.name);
  const user = messages.findLast((message) => message.role === 'user');
  const media = list(Array.isArray(user?.content) ? user.content : []).flatMap((part) => {
    if (part.type === 'image_url') return [fromDataUrl(part.image_url.url)];
    if (part.type === 'input_audio') return [sized(`audio/${part.input_audio.format}`, part.input_audio.data)];
    if (part.type === 'file') return [fromDataUrl(part.file.file_data)];
    return [];
  });
  const choice = body.tool_choice ?? 'auto';
  return {
    system: messages
      .filter((message) => message.role === 'system' || message.role === 'developer')
      .map(text)
      .join('\n'),
    user: user === undefined ? '' : text(user),
    results: lastTurn(messages, (message) => message.role === 'tool').map((message) => ({
      id: message.tool_call_id,
      name: names.get(message.tool_call_id) ?? '?',
      text: text(message),
    })),
    tools: list(body.tools).map((tool) => ({ name: (tool.function ?? tool.custom).name, schema: tool.function?.parameters })),
    choice: typeof choice === 'string' ? choice : choiceAmong(choice.allowed_tools, choice.function?.name),
    parallel: body.parallel_tool_calls !== false,
    json:
      body.response_format?.type === 'json_schema'
        ? body.response_format.json_schema.schema
        : body.response_format?.type === 'json_object'
          ? 'object'
          : null,
    media,
    thinking: typeof body.reasoning_effort === 'string' && body.reasoning_effort !== 'none',
    settings: present({
      temperature: body.temperature,
      top_p: body.top_p,
      top_k: body.top_k,
      max: body.max_completion_tokens ?? body.max_tokens,
      stop: body.stop,
      seed: body.seed,
      frequency_penalty: body.frequency_penalty,
      presence_penalty: body.presence_penalty,
      budget: (body.google ?? body.extra_body?.google)?.thinking_config?.thinking_budget ?? body.thinking?.budget_tokens,
    }),
    choices: body.n ?? 1,
    logprobs: body.logprobs === true ? (body.top_logprobs ?? 0) : undefined,
  };
}

function gemini(body) {
  const contents = list(body.contents);
  const config = body.generationConfig ?? {};
  const turn = lastTurn(contents, (content) => content.role !== 'model').flatMap((content) => list(content.parts));
  const text = (parts) => parts.map((part) => part.text ?? '').join('');
  const calling = body.toolConfig?.functionCallingConfig ?? {};
  const allowed = list(calling.allowedFunctionNames);
  const schema = config.responseJsonSchema ?? config.responseSchema;
  return {
    system: text(list(body.systemInstruction?.parts)),
    user: text(turn),
    results: turn.flatMap(({ functionResponse: result }) =>
      result === undefined
        ? []
        : [
            {
              id: result.id ?? '',
              name: result.name,
              text: result.response.output ?? result.response.error ?? JSON.stringify(result.response),
            },
          ],
    ),
    tools: list(body.tools)
      .flatMap((tool) => list(tool.functionDeclarations))
      .map((tool) => ({ name: tool.name, schema: tool.parametersJsonSchema ?? tool.parameters })),
    choice: calling.mode === 'NONE' ? 'none' : calling.mode !== 'ANY' ? 'auto' : allowed.length === 1 ? allowed[0] : 'required',
    parallel: true,
    json: config.responseMimeType !== 'application/json' ? null : (schema ?? 'object'),
    media: turn.flatMap((part) => {
      if (part.inlineData !== undefined) return [sized(part.inlineData.mimeType, part.inlineData.data)];
      return part.fileData === undefined ? [] : [part.fileData.fileUri];
    }),
    thinking: config.thinkingConfig?.includeThoughts === true,
    signature: list(contents.findLast((content) => content.role === 'model')?.parts).find((part) => part.functionCall)
      ?.thoughtSignature,
    settings: present({
      temperature: config.temperature,
      top_p: config.topP,
      top_k: config.topK,
      max: config.maxOutputTokens,
      stop: config.stopSequences,
      seed: config.seed,
      frequency_penalty: config.frequencyPenalty,
      presence_penalty: config.presencePenalty,
      budget: config.thinkingConfig?.thinkingBudget,
    }),
    choices: config.candidateCount ?? 1,
    logprobs: config.responseLogprobs === true ? (config.logprobs ?? 0) : undefined,
  };
}

function anthropic(body) {
  const messages = list(body.messages);
  const blocks = (content) => (typeof content === 'string' ? [{ type: 'text', text: content }] : list(content));
  const text = (content) =>
    blocks(content)
      .map((block) => (block.type === 'text' ? block.text : ''))
      .join('');
  const names = new Map();
  for (const message of messages) {
    for (const block of blocks(message.content)) if (block.type === 'tool_use') names.set(block.id, block.name);
  }
  const turn = lastTurn(messages, (message) => message.role === 'user').flatMap((message) => blocks(message.content));
  const choice = { any: 'required', auto: 'auto', none: 'none', tool: body.tool_choice?.name };
  return {
    system: text(body.system ?? ''),
    user: text(turn),
    results: turn.flatMap((block) =>
      block.type === 'tool_result'
        ? [{ id: block.tool_use_id, name: names.get(block.tool_use_id) ?? '?', text: text(block.content ?? '') }]
        : [],
    ),
    tools: list(body.tools).map((tool) => ({ name: tool.name, schema: tool.input_schema })),
    choice: choice[body.tool_choice?.type ?? 'auto'],
    parallel: body.tool_choice?.disable_parallel_tool_use !== true,
    json: body.output_config?.format?.schema ?? null,
    media: turn.flatMap(({ source }) => {
      if (source === undefined) return [];
      return [source.type === 'url' ? source.url : sized(source.media_type, source.data)];
    }),
    thinking: body.thinking?.type === 'enabled' || body.thinking?.type === 'adaptive',
    signature: blocks(messages.findLast((message) => message.role === 'assistant')?.content)[0]?.signature,
    settings: present({
      temperature: body.temperature,
      top_p: body.top_p,
      top_k: body.top_k,
      max: body.max_tokens,
      stop: body.stop_sequences,
      budget: body.thinking?.budget_tokens,
    }),
    choices: 1,
    logprobs: undefined,
  };
}

export const readers = { openai, gemini, anthropic };
