/** Integer nano-USD, as a number or in decimal, as decimal USD, exact, without trailing zeros: 1_710_000_000 -> `1.71`. */
export function formatUsd(nano: number | string): string {
  const digits = String(nano).padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  const whole = digits.slice(0, -9);
  return fraction === '' ? whole : `${whole}.${fraction}`;
}
