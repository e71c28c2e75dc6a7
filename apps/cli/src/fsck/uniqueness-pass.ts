// Over all producers: no two leaves share a tag or a commitment.
import type { ClientBase } from 'pg'
import { scalar } from './pages.js'
import { Check } from './report.js'

type SharedRow = { producer: string; seq: string }

export async function uniquenessPass(sql: ClientBase, schemas: readonly string[]): Promise<Check[]> {
  const all = schemas.map((schema) => `SELECT producer, seq, tag, commitment FROM ${schema}.outbox_numbered`)
  const leaves = `(${all.join(' UNION ALL ')}) AS leaf`
  const checked = await scalar(sql, `SELECT count(*) AS value FROM ${leaves}`)
  const tags = new Check('no two leaves share a tag', ['I2'])
  const commitments = new Check('no two leaves share a commitment', ['I2', 'I15'])
  for (const [check, column, invariant] of [
    [tags, 'tag', 'I2'],
    [commitments, 'commitment', 'I15'],
  ] as const) {
    check.checked = checked
    const { rows } = await sql.query<SharedRow>(
      `SELECT max(producer) AS producer, max(seq) AS seq FROM ${leaves} GROUP BY ${column} HAVING count(*) > 1 LIMIT 100`,
    )
    for (const { producer, seq } of rows) {
      const what = `another leaf has the same ${column}`
      check.expect(false, () => ({ invariant, what, where: `${producer} ${seq}` }))
    }
  }
  return [tags, commitments]
}
