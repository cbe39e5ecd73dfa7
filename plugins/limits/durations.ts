/** Milliseconds as OpenAI writes them in its headers, which is how Go does: `6m0s`, `1.5s`, `17ms`, `0s`. Whole milliseconds, rounded up. */
export function goDuration(ms: number): string {
  const whole = Math.ceil(ms);
  if (whole <= 0) return '0s';
  if (whole < 1_000) return `${whole}ms`;
  const seconds = `${(whole % 60_000) / 1_000}s`;
  if (whole < 60_000) return seconds;
  const minutes = Math.floor(whole / 60_000);
  return minutes < 60 ? `${minutes}m${seconds}` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}
