/** Where a number of seconds stands between 0.1 s (0) and 1 h (1): both 0.4 s and 20 minutes must be legible. */
function logPlace(seconds: number): number {
  const [low, high] = [Math.log10(0.1), Math.log10(3_600)];
  const place = (Math.log10(Math.max(seconds, 0.1)) - low) / (high - low);
  return Math.min(1, Math.max(0, place));
}

/** The path of a small line; a gap where nothing is known. */
export function sparkline(values: readonly (number | null)[], width: number, height: number): string {
  const step = width / Math.max(1, values.length - 1);
  let pen = 'M';
  return values
    .map((value, index) => {
      if (value === null) {
        pen = 'M';
        return '';
      }
      const y = height - 2 - logPlace(value) * (height - 4);
      const drawn = `${pen}${(index * step).toFixed(1)} ${y.toFixed(1)}`;
      pen = 'L';
      return drawn;
    })
    .join('');
}
