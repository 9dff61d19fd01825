import { stripVTControlCharacters } from 'node:util';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  /** Left out first where the line is too short; columns without it always stay. */
  readonly spare?: number;
}

/** Columns as wide as their longest value, two spaces apart, no longer than the line as far as columns can be spared. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
): readonly string[] {
  const shown = fitting(columns, rows, width);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => pad(cell, index === cells.length - 1 ? 0 : widthOf(shown[index], rows)))
      .join('  ')
      .trimEnd();
  const titles = line(shown.map(({ title }) => title));
  return [titles, ...rows.map((row) => line(shown.map(({ value }) => value(row))))];
}

function fitting<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
): readonly Column<Row>[] {
  const total = columns.reduce((sum, column) => sum + widthOf(column, rows) + 2, 0) - 2;
  const spares = columns.filter(({ spare }) => spare !== undefined);
  const [first] = spares.toSorted((one, other) => (one.spare ?? 0) - (other.spare ?? 0));
  if (total <= width || first === undefined) return columns;
  return fitting(
    columns.filter((column) => column !== first),
    rows,
    width,
  );
}

function widthOf<Row>(column: Column<Row> | undefined, rows: readonly Row[]): number {
  if (column === undefined) return 0;
  return Math.max(column.title.length, ...rows.map((row) => visible(column.value(row))));
}

function visible(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - visible(text)));
}
