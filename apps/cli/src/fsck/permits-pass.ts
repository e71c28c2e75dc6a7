// Did every read have its permit, and every permit its consent? Answered from the events alone, in their producer's order.
//
// What order is proof: the relay numbers what is committed, and a decision and a change of one patient's consents wait for
// one another, so of these two the one with the lower number came first. Between patients numbers prove nothing.
import type { EventBody, EventData, EventType } from '@careseal/contracts'
import type { ClientBase } from 'pg'
import { lostCount } from './lost-pass.js'
import { pages } from './pages.js'
import type { ProducerPlace } from './producers.js'
import { Check, type Progress } from './report.js'

type BodyRow = { after: string; body: Buffer }
type Of<T extends EventType> = { [Type in T]: EventBody<Type> }[T]
type Permit = { patientId: string; actorId: string; action: string }
type Grant = EventData<'ConsentGranted'>

export type PermitsPassInput = { sql: ClientBase; producers: readonly ProducerPlace[]; progress: Progress }

const EVENTS_PER_PAGE = 5000

export async function permitsPass(input: PermitsPassInput): Promise<Check[]> {
  const decisions = new Check('each permit by consent stands on a consent in force', ['I11', 'I12'])
  const releases = new Check('each read of a patient has one permit, given before', ['I12', 'I13'])
  // What consent lost for good may have been the grant or the permit that is missing here, each of them once.
  const lost = { left: await lostCount(input.sql, 'consent') }
  const permits = await decide(input, decisions, lost)
  await released(input, releases, { permits, lost })
  return [decisions, releases]
}

/** How many events of consent nobody has any more, less those that explained something. */
type Lost = { left: number }

function mayBeLost(lost: Lost): boolean {
  lost.left -= 1
  return lost.left >= 0
}

/** The consents in force as the events made them, by consent and by version. */
class InForce {
  private readonly versionOf = new Map<string, string>()
  private readonly grants = new Map<string, Grant>()

  grant(grant: Grant): void {
    this.revoke(grant.consentId)
    this.versionOf.set(grant.consentId, grant.versionId)
    this.grants.set(grant.versionId, grant)
  }

  revoke(consentId: string): void {
    this.grants.delete(this.versionOf.get(consentId) ?? '')
    this.versionOf.delete(consentId)
  }

  version(versionId: string | undefined): Grant | undefined {
    return versionId === undefined ? undefined : this.grants.get(versionId)
  }
}

/** Follows consent's chain: what is granted, what is revoked, and whether each permit fell between. */
async function decide(input: PermitsPassInput, check: Check, lost: Lost): Promise<Map<string, Permit>> {
  const inForce = new InForce()
  const permits = new Map<string, Permit>()
  for await (const event of bodies(input, 'consent', ['ConsentGranted', 'ConsentRevoked', 'AccessPermitted'])) {
    check.checked += 1
    if (event.type === 'ConsentGranted') inForce.grant(event.data)
    if (event.type === 'ConsentRevoked') inForce.revoke(event.data.consentId)
    if (event.type === 'AccessPermitted') permit(event, { inForce, permits, lost, check })
    if (check.checked % EVENTS_PER_PAGE === 0) input.progress({ check: 'decisions', done: check.checked, total: 0 })
  }
  return permits
}

function permit(
  { data, time }: EventBody<'AccessPermitted'>,
  { inForce, permits, lost, check }: { inForce: InForce; permits: Map<string, Permit>; lost: Lost; check: Check },
): void {
  const { permitId, patientId, actorId, action } = data
  const where = `permit ${permitId}`
  check.expect(!permits.has(permitId), () => ({ invariant: 'I13', what: 'a permit was given twice', where }))
  permits.set(permitId, { patientId, actorId, action })
  if (data.basis !== 'consent') return
  const consent = inForce.version(data.consentVersionId)
  const fault = consent === undefined && mayBeLost(lost) ? undefined : faultOfBasis(consent, patientId, time)
  check.expect(fault === undefined, () => ({ invariant: 'I11', what: fault as string, where }))
}

function faultOfBasis(consent: Grant | undefined, patientId: string, time: string): string | undefined {
  if (consent?.patientId !== patientId) return 'permitted by a consent that was not in force'
  if (consent.effect !== 'permit') return 'permitted by a consent that denies'
  // The decision looks at the clock after this time, so a consent that had ended by now had ended for it too.
  const isOver = consent.periodEnd !== undefined && Date.parse(consent.periodEnd) <= Date.parse(time)
  return isOver ? 'permitted by a consent whose period was over' : undefined
}

async function released(
  input: PermitsPassInput,
  check: Check,
  { permits, lost }: { permits: Map<string, Permit>; lost: Lost },
): Promise<void> {
  const used = new Set<string>()
  for await (const { data, type, id } of bodies(input, 'records', [
    'RecordRead',
    'RecordVersionAdded',
    'RecordDeleted',
  ])) {
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
    if (check.checked % EVENTS_PER_PAGE === 0) input.progress({ check: 'releases', done: check.checked, total: 0 })
  }
}

/** The events of these types in a schema: those of each incarnation in turn, then those that wait for their number. */
async function* bodies<T extends EventType>(
  { sql, producers }: PermitsPassInput,
  schema: string,
  types: readonly T[],
): AsyncGenerator<Of<T>> {
  const own = producers.filter((place) => place.schema === schema)
  for (const { producer } of own) {
    const text = `SELECT n.seq AS after, e.body FROM ${schema}.outbox_numbered n JOIN ${schema}.event e ON e.pk = n.event_pk
                  WHERE n.seq > $1 AND e.event_type = ANY ($2::text[]) AND n.producer = $3 ORDER BY n.seq`
    yield* parsed<T>(sql, text, [types, producer])
  }
  const waiting = `SELECT e.pk AS after, e.body FROM ${schema}.outbox o JOIN ${schema}.event e ON e.pk = o.event_pk
                   WHERE e.pk > $1 AND e.event_type = ANY ($2::text[]) ORDER BY e.pk`
  yield* parsed<T>(sql, waiting, [types])
}

// Bodies that do not fit their contract are named by the pass over events; here they say nothing.
async function* parsed<T extends EventType>(sql: ClientBase, text: string, values: unknown[]): AsyncGenerator<Of<T>> {
  const query = { text: `${text} LIMIT ${EVENTS_PER_PAGE}`, after: 0, nextAfter: (last: BodyRow) => last.after, values }
  for await (const page of pages<BodyRow>(sql, query)) {
    for (const { body } of page) {
      const event = jsonOf(body) as Of<T> | null
      if (event?.data !== undefined) yield event
    }
  }
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
}
