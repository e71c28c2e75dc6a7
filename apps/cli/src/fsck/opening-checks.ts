// What only the service's keys can show of its events: that each leaf commits to its event and to nothing else, that no
// secret was used twice, and that a subject's tags are exactly those that were counted.
import { contentCommitmentOf, eventCommitmentOf } from './naive.js'
import { openRow, type OpenedKey } from './naive-seal.js'
import type { EventRow, EventsPassInput } from './events-pass.js'
import { Check } from './report.js'
import type { ServiceKeys } from './service-keys.js'
import { TagChecks } from './tag-checks.js'

export type OpeningInput = EventsPassInput & { keys: ServiceKeys }

export class OpeningChecks {
  private readonly openings: Check
  private readonly fresh: Check
  private readonly contents: Check
  private readonly tags: TagChecks
  private readonly secrets = new Set<string>()

  constructor(private readonly input: OpeningInput) {
    const { service } = input
    this.openings = new Check(`${service}: openings open the commitments of their leaves`, ['I1', 'I15'])
    this.fresh = new Check(`${service}: no opening and no salt was used twice`, ['I15'])
    this.contents = new Check(`${service}: private parts are what their events committed to`, ['I1', 'I15'])
    this.tags = new TagChecks(input)
  }

  async page(page: readonly EventRow[]): Promise<void> {
    const keys = await this.input.keys.load(page.flatMap(({ key_id: keyId }) => keyId ?? []))
    for (const row of page) {
      if (row.key_id === null || row.opening === null) continue // erased: nothing is left to open
      const key = keys.get(row.key_id)
      // Without a row the key was destroyed, which the erasure checks judge; a row that does not unwrap was altered.
      if (key === undefined) continue
      this.opening(row, key)
      if (key && row.ciphertext) this.content(row, key, row.ciphertext)
      if (key) this.tags.add(row, key)
    }
  }

  async end(): Promise<Check[]> {
    return [this.openings, this.fresh, this.contents, await this.tags.end()]
  }

  private opening(row: EventRow, key: OpenedKey | null): void {
    this.openings.checked += 1
    const opening = key && this.opened(row, key, 'opening', row.opening as Buffer)
    const commitment = opening && eventCommitmentOf(opening, row.event_type, row.body)
    this.openings.expect(row.commitment !== null && commitment?.equals(row.commitment) === true, () => {
      return { invariant: 'I1', what: 'its opening is broken or opens another commitment', where: this.where(row) }
    })
    if (opening) this.expectFresh(opening, row)
  }

  // `content` of a service that keeps its versions elsewhere is a field root, which the passes over those look at.
  private content(row: EventRow, key: OpenedKey, ciphertext: Buffer): void {
    this.contents.checked += 1
    const bytes = this.opened(row, key, 'private', ciphertext)
    const { content } = JSON.parse(row.body.toString('utf8')) as { content?: string }
    const inside = bytes && (JSON.parse(bytes.toString('utf8')) as { opening: string; value: unknown })
    const salt = inside && Buffer.from(inside.opening, 'hex')
    const commitment = salt && contentCommitmentOf(salt, inside.value).toString('hex')
    this.contents.expect(commitment !== null && commitment === content, () => {
      return { invariant: 'I1', what: 'its private part is broken or is another', where: this.where(row) }
    })
    if (salt) this.expectFresh(salt, row)
  }

  private expectFresh(secret: Buffer, row: EventRow): void {
    this.fresh.checked += 1
    const text = secret.toString('latin1')
    this.fresh.expect(!this.secrets.has(text), () => {
      return { invariant: 'I15', what: 'an opening or a salt of another event is used again', where: this.where(row) }
    })
    this.secrets.add(text)
  }

  private opened(row: EventRow, key: OpenedKey, part: 'opening' | 'private', sealed: Buffer): Buffer | null {
    const { event_type: type, event_id: id, schema_version: schema } = row
    const place = { origin: this.input.origin, type, id, version: part, schema }
    return openRow(key, ['event', key.subjectId, 'private'], { place, sealed })
  }

  private where(row: EventRow): string {
    return `${this.input.service} event ${row.event_id}`
  }
}
