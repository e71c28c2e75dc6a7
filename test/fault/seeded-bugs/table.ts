// A Markdown table with its columns in line, as Prettier would leave it.

export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, place) =>
    Math.max(3, ...[title, ...rows.map((row) => row[place] ?? '')].map(widthOf)),
  )
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, place) => pad(cell, widths[place]!)).join(' | ')} |\n`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('')
}

const widthOf = (text: string): number => text.length

function pad(text: string, width: number): string {
  return text + ' '.repeat(width - widthOf(text))
}
