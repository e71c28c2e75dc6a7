// A subject's tags of one month are the first N of its sequence, each on one leaf: so a list of the subject's leaves that
// is made with the month's key is complete.
import type { EventRow } from './events-pass.js'
import { tagKeyOf, tagOf, type OpenedKey } from './naive-seal.js'
import type { OpeningInput } from './opening-checks.js'
import { Check } from './report.js'

/** Tags of one subject, month and key: how many were counted, and which n each of its leaves turned out to have. */
type Group = { subjectId: string; month: string; key: OpenedKey; rows: EventRow[] }

type CounterRow = { subject_id: string; month: string; key_id: string; n: string }

export class TagChecks {
  private readonly check: Check
  private readonly groups = new Map<string, Group>()

  constructor(private readonly input: OpeningInput) {
    this.check = new Check(`${input.service}: a subject’s leaves have its first tags of each month`, ['I1', 'I2'])
  }

  add(row: EventRow, key: OpenedKey): void {
    const { time } = JSON.parse(row.body.toString('utf8')) as { time: string }
    const month = time.slice(0, 7)
    const name = nameOf(key.subjectId, month, key.keyId)
    const group = this.groups.get(name) ?? { subjectId: key.subjectId, month, key, rows: [] }
    // Only what the look-up needs: bodies and ciphertext of all events would fill the memory.
    group.rows.push({ event_id: row.event_id, producer: row.producer, tag: row.tag } as EventRow)
    this.groups.set(name, group)
  }

  async end(): Promise<Check> {
    const { rows } = await this.input.sql.query<CounterRow>('SELECT subject_id, month, key_id, n FROM tag_counter')
    const counted = new Map(rows.map((row) => [nameOf(row.subject_id, row.month, row.key_id), Number(row.n)]))
    for (const [name, group] of this.groups) this.group(group, counted.get(name) ?? 0)
    return this.check
  }

  private group({ subjectId, month, key, rows }: Group, counted: number): void {
    const places = new Map<string, Map<string, number>>()
    const seen = new Set<number>()
    for (const { event_id: eventId, producer, tag } of rows) {
      const name = producer ?? this.input.producer
      const tags = places.get(name) ?? tagsOf(tagKeyOf(key.key, name, subjectId, month), counted)
      places.set(name, tags)
      const n = tag === null ? undefined : tags.get(tag.toString('latin1'))
      this.check.checked += 1
      this.check.expect(n !== undefined, () => {
        const what = `its tag is none of the first ${counted} of its subject’s month`
        return { invariant: 'I1', what, where: `${this.input.service} event ${eventId}` }
      })
      if (n !== undefined) seen.add(n)
    }
    this.check.expect(seen.size === counted, () => {
      const what = `${counted} tags were counted in ${month} and ${seen.size} of them are on leaves`
      return { invariant: 'I2', what, where: `${this.input.service} key ${key.keyId}` }
    })
  }
}

function tagsOf(tagKey: Buffer, count: number): Map<string, number> {
  const tags = new Map<string, number>()
  for (let n = 1; n <= count; n++) tags.set(tagOf(tagKey, n).toString('latin1'), n)
  return tags
}

function nameOf(subjectId: string, month: string, keyId: string): string {
  return `${subjectId} ${month} ${keyId}`
}
