const rows = 10;
const columns = 72;
const eighths = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/**
 * Values over time as columns of characters, the mean of those that fall into one. The scale begins below the smallest, so
 * that small changes are seen.
 */
export function chart(values: readonly number[], unit: string, from: string, to: string): string {
  if (values.length === 0) return '';
  const width = Math.min(columns, values.length);
  const means = Array.from({ length: width }, (_, column) => {
    const part = values.slice(Math.floor((column * values.length) / width), Math.floor(((column + 1) * values.length) / width));
    return part.reduce((sum, each) => sum + each, 0) / part.length;
  });
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const margin = Math.max((high - low) * 0.1, high * 0.01);
  const [bottom, top] = [low - margin, high];
  const heights = means.map((each) => Math.max(1, Math.round(((each - bottom) / (top - bottom)) * rows * 8)));
  const lines = Array.from({ length: rows }, (_, row) => {
    const level = rows - 1 - row;
    const label = row === 0 ? top : row === rows - 1 ? bottom : null;
    const text = label === null ? '' : `${label.toFixed(1)} ${unit}`;
    const cells = heights.map((height) => eighths[Math.min(8, Math.max(0, height - level * 8))]);
    return `${text.padStart(12)} │${cells.join('')}`;
  });
  const gap = ' '.repeat(Math.max(1, width - from.length - to.length));
  return [...lines, `${' '.repeat(12)} └${'─'.repeat(width)}`, `${' '.repeat(14)}${from}${gap}${to}`].join('\n');
}
