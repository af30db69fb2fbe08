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

/** A piece of a curve, without a gap in it: an SVG path, and where it begins and ends. */
export interface Piece {
  path: string;
  begin: number;
  end: number;
}

/** What figures are drawn into. `top` is the value at its upper edge. */
export interface PlotBox {
  from_ms: number;
  to_ms: number;
  gap_ms: number;
  top: number;
  width: number;
  height: number;
}

/** Figures over time as curves, broken where nothing is known for longer than `gap_ms`. One alone is a short dash. */
export function plot(points: readonly { at_ms: number; value: number }[], box: PlotBox): Piece[] {
  const pieces: { x: number; y: number }[][] = [];
  let before = Number.NEGATIVE_INFINITY;
  for (const { at_ms, value } of points) {
    if (at_ms < box.from_ms || at_ms > box.to_ms) {
      continue;
    }
    const x = ((at_ms - box.from_ms) / (box.to_ms - box.from_ms)) * box.width;
    const y = box.height * (1 - Math.min(1, value / box.top));
    if (at_ms - before > box.gap_ms) {
      pieces.push([]);
    }
    pieces.at(-1)?.push({ x, y });
    before = at_ms;
  }
  return pieces.map((piece) => {
    const [first, last] = [piece[0], piece.at(-1)];
    const begin = first?.x ?? 0;
    const end = Math.max(last?.x ?? 0, begin + 1);
    const drawn = piece.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`);
    const path = `M${drawn.join('L')}${piece.length === 1 ? `L${end.toFixed(1)} ${first?.y.toFixed(1)}` : ''}`;
    return { path, begin: Number(begin.toFixed(1)), end: Number(end.toFixed(1)) };
  });
}
