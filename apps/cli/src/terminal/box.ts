// A box of lines, as wide as its longest.
import { stripVTControlCharacters } from 'node:util'

const widthOf = (text: string) => stripVTControlCharacters(text).length

/** Draws a frame around lines; colours inside do not count for the width. */
export function box(title: string, lines: readonly string[]): string {
  const width = Math.max(widthOf(title) + 2, ...lines.map(widthOf))
  const row = (line: string) => `│ ${line}${' '.repeat(width - widthOf(line))} │`
  const top = `╭─ ${title} ${'─'.repeat(width - widthOf(title) - 1)}╮`
  return [top, ...lines.map(row), `╰${'─'.repeat(width + 2)}╯`].join('\n')
}

/** Rows of columns, each as wide as its widest cell. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => widthOf(row[column] ?? ''))),
  )
  const cell = (text: string, column: number) => text + ' '.repeat((widths[column] ?? 0) - widthOf(text))
  return rows.map((row) => row.map(cell).join('  ').trimEnd())
}
