// Figures as the owner reads them, in the language of the page.

const fixed = (value: number, digits: number, language: string): string =>
  new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);

/** `6.1 Mb/s`, below a megabit `640 kb/s`. */
export function formatRate(bps: number, language: string): string {
  return bps >= 999_500 ? `${fixed(bps / 1_000_000, 1, language)} Mb/s` : `${fixed(bps / 1_000, 0, language)} kb/s`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `4.1 GB`: powers of ten, one decimal below ten. */
export function formatBytes(bytes: number, language: string): string {
  let [value, unit] = [Math.max(0, bytes), 0];
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${fixed(value, unit > 0 && value < 9.95 ? 1 : 0, language)} ${UNITS[unit]}`;
}

/** `29.97`, `30`: no more decimals than there are. */
export function formatNumber(value: number, language: string): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 2 }).format(value);
}

/** The outline of figures over time, the oldest first, as an SVG path in a box; the tallest touches its top. */
export function sparkline(figures: readonly number[], width: number, height: number): string {
  const tallest = Math.max(...figures, 1);
  const step = figures.length > 1 ? width / (figures.length - 1) : 0;
  const points = figures.map(
    (figure, index) => `${(index * step).toFixed(1)} ${(height * (1 - figure / tallest)).toFixed(1)}`,
  );
  return points.length < 2 ? '' : `M${points.join('L')}`;
}
