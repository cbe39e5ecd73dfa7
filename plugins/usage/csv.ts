/** A field as RFC 4180 has it. Text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, CSV injection). */
function field(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r\n＝＋－＠]/.test(value) ? `'${value}` : value;
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Lines with a header, each ended by CRLF. */
export function formatCsv(columns: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  return [columns, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

/** `format` of the query decides, then whether `accept` names text/csv. */
export function wantsCsv(format: string | undefined, accept: string | undefined): boolean {
  if (format !== undefined) return format === 'csv';
  return accept?.split(',').some((part) => part.trim().split(';', 1)[0]!.toLowerCase() === 'text/csv') ?? false;
}
