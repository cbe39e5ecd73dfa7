/** One thing that is wrong with the configuration. Never carries a value that came from the environment or a secret. */
export interface Problem {
  /** Dotted path (`providers.openai.api_key`), '' for a whole file. */
  readonly path: string;
  /** `file:line` or `environment NAME`. */
  readonly where: string;
  /** What is wrong, as a sentence without the path. */
  readonly message: string;
  /** What to do. */
  readonly hint: string;
}

/** Thrown by `loadConfig`: everything that is wrong, in the order of the layers. `message` is meant for people. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];
  /** What else was noticed; a mistyped variable is often the reason of a problem. */
  readonly warnings: readonly string[];
  constructor(problems: readonly Problem[], warnings: readonly string[] = []) {
    super(render(problems, warnings));
    this.name = 'ConfigError';
    this.problems = problems;
    this.warnings = warnings;
  }
}

function render(problems: readonly Problem[], warnings: readonly string[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const blocks = problems.map(({ path, where, message, hint }) => {
    const head = path === '' ? where : `${path}  (${where})`;
    return `  ${head}\n    ${message}\n    -> ${hint}`;
  });
  const also = warnings.length === 0 ? '' : `\nAlso noticed:\n${warnings.map((warning) => `  ${warning}`).join('\n')}\n`;
  return `The configuration has ${count}:\n\n${blocks.join('\n\n')}\n${also}`;
}

/** What a load has found so far. Shared by all its steps. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly warnings: string[] = [];
  /** Absolute paths read, in order. */
  readonly files: string[] = [];
  /** A layer could not be read, so what is missing elsewhere may be in it. */
  incomplete = false;

  add(path: string, where: string, message: string, hint: string): void {
    this.problems.push({ path, where, message, hint });
  }

  /** A problem at exactly this path is already known. */
  has(path: string): boolean {
    return this.problems.some((problem) => problem.path === path);
  }
}
