// Nothing waits: no event unnumbered, unsealed or unread by a reader of ours.
import type { ClientBase } from 'pg'
import type { LedgerFacts } from './ledger-pass.js'
import { scalar } from './pages.js'
import type { ProducerPlace } from './producers.js'
import { Check } from './report.js'

export type BacklogInput = {
  sql: ClientBase
  schemas: readonly string[]
  producers: readonly ProducerPlace[]
  facts: LedgerFacts
}

export async function backlogPass(input: BacklogInput): Promise<Check[]> {
  const sealed = new Check('no committed event waits for its seal', ['I1', 'I20'], true)
  const readers = new Check('every projection has read everything', ['I20'], true)
  for (const schema of input.schemas) {
    await expectNumbered(input, sealed, schema)
    await expectRead(input, readers, schema)
  }
  for (const place of input.producers) await expectSealed(input, sealed, place)
  return [sealed, readers]
}

async function expectNumbered({ sql }: BacklogInput, check: Check, schema: string): Promise<void> {
  const waiting = await scalar(sql, `SELECT count(*) AS value FROM ${schema}.outbox`)
  check.expect(waiting === 0, () => {
    return { invariant: 'I20', what: `${waiting} events wait for their number`, where: `schema ${schema}` }
  })
}

async function expectSealed(
  { sql, facts }: BacklogInput,
  check: Check,
  { producer, schema }: ProducerPlace,
): Promise<void> {
  const numbered = await scalar(
    sql,
    `SELECT greatest((SELECT max(seq) FROM ${schema}.outbox_numbered WHERE producer = $1),
                     (SELECT max(seq) FROM ${schema}.lost_leaf WHERE producer = $1)) AS value`,
    [producer],
  )
  const followed = await scalar(sql, `SELECT sum(count) AS value FROM ${schema}.sealed WHERE producer = $1`, [producer])
  const leaves = facts.lastSeq.get(producer) ?? 0
  check.checked += numbered
  const where = `producer ${producer}`
  const say = (what: string) => () => ({ invariant: 'I20' as const, what, where })
  check.expect(numbered === leaves, say(`${numbered} events are numbered and ${leaves} are on the ledger`))
  check.expect(followed === leaves, say(`${leaves} events are on the ledger and the producer knows of ${followed}`))
}

type PositionRow = { projection: string; producer: string; seq: string }

async function expectRead({ sql, facts }: BacklogInput, check: Check, schema: string): Promise<void> {
  const { rows } = await sql.query<PositionRow>(`SELECT projection, producer, seq FROM ${schema}.projection_position`)
  for (const { projection, producer, seq } of rows) {
    check.checked += 1
    const head = facts.lastSeq.get(producer) ?? 0
    check.expect(Number(seq) === head, () => ({
      invariant: 'I20',
      what: `it has read ${seq} of ${head} events of ${producer}`,
      where: `projection ${schema}.${projection}`,
    }))
  }
}
