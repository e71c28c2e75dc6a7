// Reads tables of any size in pages, in the order of a key, with a client that no other reader uses meanwhile.
import type { ClientBase } from 'pg'

/** Blocks in order of height. `after` starts below the first. */
export async function* pages<Row extends object>(
  sql: ClientBase,
  query: { text: string; after: unknown; nextAfter: (last: Row) => unknown; values?: unknown[] },
): AsyncGenerator<Row[]> {
  let after = query.after
  for (;;) {
    const { rows } = await sql.query<Row>(query.text, [after, ...(query.values ?? [])])
    if (rows.length === 0) return
    yield rows
    after = query.nextAfter(rows.at(-1)!)
  }
}

/** One row at a time out of pages; `next()` answers undefined at the end. */
export function rowsOf<Row extends object>(source: AsyncGenerator<Row[]>): { next(): Promise<Row | undefined> } {
  let page: Row[] = []
  let at = 0
  return {
    async next() {
      if (at < page.length) return page[at++]
      const result = await source.next()
      if (result.done) return undefined
      page = result.value
      at = 1
      return page[0]
    },
  }
}

export async function scalar(sql: ClientBase, text: string, values: unknown[] = []): Promise<number> {
  const { rows } = await sql.query<{ value: string | null }>(text, values)
  return Number(rows[0]?.value ?? 0)
}
