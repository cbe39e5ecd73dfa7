// How many tokens a provider counts for what a caller sends: data by model family. Types only.

/** Width and height in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Tokens of definitions (tools, or the schema of the answer). */
export interface DefinitionTokens {
  /** Once, where there is any. */
  readonly any: number;
  /** Of each. */
  readonly each: number;
  /** Per token of the definition as compact JSON. */
  readonly json: number;
  /** Per token of its names and descriptions alone. */
  readonly words: number;
  /** Of each node of its schema: a property, an item type, an alternative. */
  readonly node: number;
  /** Of each node that holds others or names another, on top. */
  readonly nested: number;
  /** Of each description in its schema, on top of the words. */
  readonly described: number;
}

/** One family of models. All of it rather too much than too little: it is held on budgets until the provider has counted. */
export interface TokenRules {
  /** Upstream ids of the family, in lower case and whatever stands before (`vendor/`, `region.vendor.`). */
  readonly models: RegExp;
  /** Vocabulary whose tokens are counted. */
  readonly encoding: 'cl100k_base' | 'o200k_base';
  /** Per token of that vocabulary, in ASCII text and in all other: 1 where it is the family's own. */
  readonly ascii: number;
  readonly other: number;
  /** On top, as a share of the text beyond 400 tokens: code and other languages differ more from what was recorded than talk does. */
  readonly spread: number;
  /** On top per digit: vocabularies that have each digit alone. */
  readonly digit: number;
  /** Per character of a thought signature that goes back with a tool call, and of what is beyond 2,000 of one. */
  readonly signature: number;
  readonly longSignature: number;
  /** Once per call. */
  readonly request: number;
  /** Around each message. */
  readonly message: number;
  /** Around each tool call of the history, and around each result. */
  readonly call: number;
  readonly result: number;
  /** For thinking being on. */
  readonly thinking: number;
  readonly tools: DefinitionTokens;
  /** On top of `tools.any` where a call is asked for. */
  readonly forced: number;
  readonly schema: DefinitionTokens;
  /** Of an image; null: its size is not known. `detail`: as OpenAI names it. */
  image(size: ImageSize | null, detail: string | null): number;
  /** Of a second of sound, and of video. */
  readonly audioSecond: number;
  readonly videoSecond: number;
  /** Of a page of a document, its text included. */
  readonly page: number;
  /** Of tools that the provider runs itself, by the beginning of their type: instructions, and what is usually read by them. */
  readonly hosted: Readonly<Record<string, number>>;
  /** Most that any model of the family reads. */
  readonly context: number;
}
