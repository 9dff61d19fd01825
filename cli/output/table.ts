import { stripVTControlCharacters } from 'node:util';

export interface Column {
  readonly title: string;
  /** Columns are dropped where the terminal is too narrow, the highest number first; undefined: never. */
  readonly drop?: number;
}

/** How many columns of a terminal a text takes: all that we write is as wide as its letters are many. */
function widthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

/**
 * A table as terminals show it: columns as wide as their widest cell, two blanks between them, none at the end of a line.
 *
 * @param width of the terminal; what may be dropped is dropped until the table fits
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): readonly string[] {
  const droppable = columns
    .map(({ drop }, index) => ({ drop, index }))
    .filter((each): each is { drop: number; index: number } => each.drop !== undefined)
    .sort((a, b) => b.drop - a.drop);
  const kept = new Set(columns.keys());
  for (const { index } of droppable) {
    if (tableWidth(columns, rows, kept) <= width) break;
    kept.delete(index);
  }
  const indices = [...kept];
  const widths = indices.map((index) => columnWidth(columns, rows, index));
  const line = (cells: readonly string[]): string =>
    `  ${indices
      .map((index, at) => {
        const cell = cells[index] ?? '';
        return `${cell}${' '.repeat(Math.max(0, (widths[at] ?? 0) - widthOf(cell)))}`;
      })
      .join('  ')}`.trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)];
}

function columnWidth(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  index: number,
): number {
  return Math.max(widthOf(columns[index]?.title ?? ''), ...rows.map((cells) => widthOf(cells[index] ?? '')));
}

function tableWidth(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  kept: ReadonlySet<number>,
): number {
  const widths = [...kept].map((index) => columnWidth(columns, rows, index));
  return widths.reduce((sum, each) => sum + each + 2, 0);
}

/** Lines of a paragraph, broken between words; the first begins with `first`, the others with as many blanks. */
export function wrap(text: string, width: number, first = ''): readonly string[] {
  const indent = ' '.repeat(widthOf(first));
  const lines: string[] = [];
  let line = first;
  for (const word of text.split(' ')) {
    const isEmpty = line === first || line === indent;
    if (!isEmpty && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = indent;
    }
    line = line === first || line === indent ? `${line}${word}` : `${line} ${word}`;
  }
  return [...lines, line];
}

/** A cell of tab-separated values: a tab or an end of a line would begin another cell. */
export function tsvLine(cells: readonly (string | number | null)[]): string {
  return cells.map((cell) => String(cell ?? '').replaceAll(/[\t\r\n]+/gu, ' ')).join('\t');
}
