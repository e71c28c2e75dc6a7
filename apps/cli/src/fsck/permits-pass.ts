// Did every read have its permit, and every permit its consent? Answered from the events alone, in ledger order.
import { parseEventBody, type EventBody, type EventType } from '@careseal/contracts'
import type { ClientBase } from 'pg'
import { lostCount } from './lost-pass.js'
import { pages } from './pages.js'
import { Check, type Progress } from './report.js'

type BodyRow = { seq: string; body: Buffer }
type Of<T extends EventType> = EventBody<T>
type Permit = { patientId: string; actorId: string; action: string; time: string }

const EVENTS_PER_PAGE = 5000
const CONSENT_EVENTS = ['ConsentGranted', 'ConsentRevoked', 'AccessPermitted']

export async function permitsPass(sql: ClientBase, progress: Progress): Promise<Check[]> {
  const decisions = new Check('each permit by consent stands on a consent in force', ['I11', 'I12'])
  const releases = new Check('each read of a patient has one permit, given before', ['I13'])
  // What consent lost for good may have been the grant or the permit that is missing here, each of them once.
  const lost = { left: await lostCount(sql, 'consent') }
  const permits = await decide(sql, decisions, { lost, progress })
  await released(sql, releases, { permits, lost, progress })
  return [decisions, releases]
}

/** Follows consent's chain: what is granted, what is revoked, and whether each permit fell between. */
async function decide(
  sql: ClientBase,
  check: Check,
  { lost, progress }: { lost: Lost; progress: Progress },
): Promise<Map<string, Permit>> {
  const inForce = new Map<string, { consentId: string; patientId: string }>()
  const permits = new Map<string, Permit>()
  for await (const event of bodies(sql, 'consent', CONSENT_EVENTS)) {
    check.checked += 1
    if (event.type === 'ConsentGranted') grant(inForce, (event as Of<'ConsentGranted'>).data)
    if (event.type === 'ConsentRevoked') revoke(inForce, (event as Of<'ConsentRevoked'>).data.consentId)
    if (event.type === 'AccessPermitted') permit(event as Of<'AccessPermitted'>, { inForce, permits, lost, check })
    if (check.checked % EVENTS_PER_PAGE === 0) progress({ check: 'decisions', done: check.checked, total: 0 })
  }
  return permits
}

/** How many events of consent nobody has any more, less those that explained something. */
type Lost = { left: number }

function mayBeLost(lost: Lost): boolean {
  lost.left -= 1
  return lost.left >= 0
}

type InForce = Map<string, { consentId: string; patientId: string }>

function grant(inForce: InForce, { consentId, versionId, patientId }: Of<'ConsentGranted'>['data']): void {
  revoke(inForce, consentId)
  inForce.set(versionId, { consentId, patientId })
}

function revoke(inForce: InForce, consentId: string): void {
  for (const [versionId, consent] of inForce) if (consent.consentId === consentId) inForce.delete(versionId)
}

function permit(
  { data, time }: Of<'AccessPermitted'>,
  { inForce, permits, lost, check }: { inForce: InForce; permits: Map<string, Permit>; lost: Lost; check: Check },
): void {
  const where = `permit ${data.permitId}`
  check.expect(!permits.has(data.permitId), () => ({ invariant: 'I13', what: 'a permit was given twice', where }))
  permits.set(data.permitId, { patientId: data.patientId, actorId: data.actorId, action: data.action, time })
  if (data.basis !== 'consent') return
  const consent = data.consentVersionId === undefined ? undefined : inForce.get(data.consentVersionId)
  check.expect(consent?.patientId === data.patientId || (!consent && mayBeLost(lost)), () => ({
    invariant: 'I11',
    what: 'permitted by a consent that was not in force',
    where,
  }))
}

type Release = Of<'RecordRead'> | Of<'RecordVersionAdded'> | Of<'RecordDeleted'>

async function released(
  sql: ClientBase,
  check: Check,
  { permits, lost, progress }: { permits: Map<string, Permit>; lost: Lost; progress: Progress },
): Promise<void> {
  const used = new Set<string>()
  for await (const event of bodies(sql, 'records', ['RecordRead', 'RecordVersionAdded', 'RecordDeleted'])) {
    const { data, type, id } = event as Release
    if (data.patientId === undefined) continue
    check.checked += 1
    const given = data.permitId === undefined ? undefined : permits.get(data.permitId)
    const fits =
      given === undefined
        ? data.permitId !== undefined && mayBeLost(lost)
        : given.patientId === data.patientId &&
          given.actorId === data.actorId &&
          given.action === (type === 'RecordRead' ? 'read' : 'write')
    check.expect(fits, () => ({ invariant: 'I13', what: 'no permit covers it', where: `${type} ${id}` }))
    if (type !== 'RecordRead' || data.permitId === undefined) continue
    const again = used.has(data.permitId)
    check.expect(!again, () => ({ invariant: 'I13', what: 'a permit was used twice', where: `${type} ${id}` }))
    used.add(data.permitId)
    if (check.checked % EVENTS_PER_PAGE === 0) progress({ check: 'releases', done: check.checked, total: 0 })
  }
}

/** A service's events of these types, one incarnation after the other. */
async function* bodies(sql: ClientBase, schema: string, types: readonly string[]): AsyncGenerator<EventBody> {
  const { rows } = await sql.query<{ producer: string }>(
    `SELECT producer FROM ${schema}.relay_head LEFT JOIN ${schema}.incarnation USING (producer) ORDER BY coalesce(number, 1)`,
  )
  for (const { producer } of rows) yield* bodiesOf(sql, { schema, producer, types })
}

type Asked = { schema: string; producer: string; types: readonly string[] }

async function* bodiesOf(sql: ClientBase, { schema, producer, types }: Asked): AsyncGenerator<EventBody> {
  const rows = pages<BodyRow>(sql, {
    text: `SELECT n.seq, e.body FROM ${schema}.outbox_numbered n JOIN ${schema}.event e ON e.pk = n.event_pk
           WHERE n.seq > $1 AND n.producer = $3 AND e.event_type = ANY ($2::text[])
           ORDER BY n.seq LIMIT ${EVENTS_PER_PAGE}`,
    after: 0,
    nextAfter: (last) => last.seq,
    values: [types, producer],
  })
  for await (const page of rows) for (const row of page) yield parseEventBody(row.body)
}
