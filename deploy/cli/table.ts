/** Rows as text in columns; the heads are the first row. Cells that hold control characters are shown without them. */
export function table(heads: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  const cells = [heads, ...rows].map((row) => row.map(shown));
  const widths = heads.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  const right = heads.map((_, at) => rows.length > 0 && rows.every((row) => typeof row[at] === 'number' || row[at] === null));
  return cells
    .map((row) =>
      row
        .map((cell, at) => (right[at] ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

const shown = (cell: string | number | null): string => (cell === null ? '-' : String(cell).replace(/\p{Cc}/gu, '?'));

/** Unix seconds as a day and time of UTC; null stays. */
export function instant(seconds: unknown): string | null {
  if (typeof seconds !== 'number') return null;
  return `${new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ')}Z`;
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
