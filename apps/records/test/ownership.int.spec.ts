// Whose a record is, and so who must permit, where it names nobody itself; and for whom no key is ever made.
import { callerOf, idOf, observationResource } from '@careseal/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { resetConsent, startWorld, type Answer, type Loose, type World } from './world.js'
import { entriesOf, entryOf, idsOf, shortcuts } from './shortcuts.js'

let world: World
const { create, newObservation, newPatient, transaction } = shortcuts(() => world)

beforeAll(async () => {
  world = await startWorld()
})
afterAll(async () => world?.stop())
beforeEach(() => resetConsent(world))

const listOf = (reference: string) => ({
  resourceType: 'List',
  status: 'current',
  mode: 'working',
  entry: [{ item: { reference } }],
})
const provenanceOf = (reference: string) => ({
  resourceType: 'Provenance',
  target: [{ reference }],
  recorded: '2020-01-01T00:00:00Z',
  agent: [{ who: { display: 'a laboratory' } }],
})
const locationsOf = (body: Loose) => entriesOf(body).map(({ response }) => String(response?.location))

describe('a record that refers to one without a patient', () => {
  it('belongs to the patients at the end of the chain, as if each had come alone', async () => {
    const patientId = await newPatient()
    const entry = [
      entryOf('urn:uuid:3', provenanceOf('urn:uuid:2')),
      entryOf('urn:uuid:2', listOf('urn:uuid:1')),
      entryOf('urn:uuid:1', observationResource(patientId)),
    ]
    const { status, body } = await transaction(entry)
    expect(status).toBe(200)
    world.consent.permits = (asked) => asked !== patientId
    for (const location of locationsOf(body)) {
      expect((await world.call('GET', `/fhir/${location.split('/_history')[0]!}`)).status).toBe(404)
    }
    const { body: found } = await world.call('GET', '/fhir/Provenance', { as: callerOf('patient') })
    expect(idsOf(found)).toEqual([])
  })

  it('is denied with the whole chain by who denies its end', async () => {
    const patientId = await newPatient()
    const { body } = await transaction([entryOf('urn:uuid:1', observationResource(patientId))])
    const before = await world.counts()
    world.consent.permits = (asked) => asked !== patientId
    const stored = locationsOf(body)[0]!.split('/_history')[0]!
    const entry = [
      entryOf('urn:uuid:3', provenanceOf('urn:uuid:2')),
      entryOf('urn:uuid:2', listOf(stored)),
      entryOf('urn:uuid:4', provenanceOf('urn:uuid:4')),
    ]
    expect((await transaction(entry)).status).toBe(403)
    expect(await world.counts()).toEqual(before)
  })
})

/** What an answer tells but for its id. */
const newsOf = ({ status, body }: Answer) => ({ status, body: body && { ...body, id: '' } })

const put = (patientId: string, id: string, as = world.system) =>
  world.call('PUT', `/fhir/Observation/${id}`, { as, body: { ...observationResource(patientId), id } })
const remove = (id: string, as = world.system) => world.call('DELETE', `/fhir/Observation/${id}`, { as })

async function keyedSubjects(): Promise<number> {
  const { rows } = await world.sql.query<{ n: number }>('SELECT count(*)::int AS n FROM records_keys.subject')
  return rows[0]!.n
}

const groupOf = (members: number) => ({
  resourceType: 'Group',
  type: 'person',
  actual: true,
  member: Array.from({ length: members }, (_, at) => ({ entity: { reference: `Patient/${idOf(70_000 + at)}` } })),
})

describe('a patient who is not here', () => {
  it('gets no key by being named, few or many', async () => {
    const before = await keyedSubjects()
    expect((await create(groupOf(3))).status).toBe(403)
    expect((await create(groupOf(600))).status).toBe(422)
    expect(world.consent.asked).toEqual([])
    expect(await keyedSubjects()).toBe(before)
  })
})

describe('a patient who is erased', () => {
  let erased: string
  let observation: string

  beforeAll(async () => {
    erased = await newPatient()
    observation = await newObservation(erased)
    await world.sql.query(`UPDATE records_keys.subject SET state = 'erased' WHERE subject_id = $1`, [erased])
  })
  beforeEach(() => {
    world.consent.permits = (asked) => asked !== erased
  })

  it('is written for no other than one who is not here', async () => {
    const [one, other] = [await create(observationResource(erased)), await create(observationResource(idOf(9)))]
    expect(one.status).toBe(403)
    expect(newsOf(one)).toEqual(newsOf(other))
  })

  it('tells by no change of a record that there is one', async () => {
    const unknown = idOf(9)
    const answers = [
      [await put(erased, observation), await put(erased, unknown)],
      [await remove(observation), await remove(unknown)],
    ] as const
    for (const [one, other] of answers) {
      expect(one.status).toBe(404)
      expect(newsOf(one)).toEqual(newsOf(other))
    }
  })

  it('is searched for like one who is not here, and the event of it names nobody', async () => {
    for (const patientId of [erased, idOf(9)]) {
      const { status, body } = await world.call('GET', `/fhir/Observation?patient=${patientId}`)
      expect([status, body.entry]).toEqual([200, undefined])
      expect((await world.events('SearchPerformed')).at(-1).data.patientId).toBeUndefined()
    }
  })
})

describe('a record that is there', () => {
  const stranger = callerOf('system', { accountId: idOf(150), memberId: idOf(350) })
  it('is added to by its author and changed by all others, and consent is told which', async () => {
    const patientId = await newPatient()
    const id = await newObservation(patientId)
    const colleague = callerOf('system', { accountId: idOf(151) })
    const changes = async (as: typeof stranger) => {
      expect((await put(patientId, id, as)).status).toBe(200)
      return world.consent.asked.at(-1)!.changes
    }
    expect(await changes(world.system)).toEqual([])
    expect(await changes(colleague)).toEqual([])
    expect(await changes(stranger)).toEqual([patientId])
    // What the stranger was permitted to write is now the stranger's.
    expect(await changes(colleague)).toEqual([patientId])
  })

  it('is as unknown as any other to who may add but not change, alone and among others', async () => {
    const patientId = await newPatient()
    const id = await newObservation(patientId)
    world.consent.permits = (asked, question) => !question.changes?.includes(asked)
    const before = await world.counts()
    const among = (target: string) => {
      const update = { ...observationResource(patientId), id: target }
      const entry = [
        entryOf('urn:uuid:1', observationResource(patientId)),
        { resource: update, request: { method: 'PUT', url: `Observation/${target}` } },
      ]
      return transaction(entry, { as: stranger })
    }
    const change = (target: string) => put(patientId, target, stranger)
    for (const ask of [change, (target: string) => remove(target, stranger), among]) {
      const [known, unknown] = [await ask(id), await ask(idOf(9))]
      expect(known.status).toBe(404)
      expect(newsOf(known)).toEqual(newsOf(unknown))
    }
    expect(await world.counts()).toEqual(before)
    expect((await put(patientId, id)).status).toBe(200)
  })
})
