// An answer of several resources ends where its bytes are used up, and says how to go on.
import { patientResource } from '@careseal/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AnswerBudget } from '../src/reading/answer-budget.js'
import { entriesOf, nextOf, shortcuts } from './shortcuts.js'
import { resetConsent, startWorld, type World } from './world.js'

const TEXT_BYTES = 10_000
/** Two resources of such a text and not three. */
const BUDGET_BYTES = 2.5 * TEXT_BYTES

let world: World
const { create } = shortcuts(() => world)
const long = (letter: string) => ({ ...patientResource(), name: [{ text: letter.repeat(TEXT_BYTES) }] })

beforeAll(async () => {
  world = await startWorld()
  world.application.app.get(AnswerBudget, { strict: false }).bytesMax = BUDGET_BYTES
})
afterAll(async () => world?.stop())
beforeEach(() => resetConsent(world))

/** The pages of a history, each with the letters of its versions. */
async function pagesOf(path: string): Promise<string[][]> {
  const pages: string[][] = []
  for (let next: string | undefined = path; next !== undefined;) {
    const { status, body } = await world.call('GET', next)
    expect(status).toBe(200)
    pages.push(entriesOf(body).map(({ resource }) => resource.name[0].text[0]))
    next = nextOf(body)
  }
  return pages
}

async function patientWithVersions(letters: string): Promise<string> {
  const [first = '', ...later] = letters
  const { id } = (await create(long(first))).body
  for (const letter of later) await world.call('PUT', `/fhir/Patient/${id}`, { body: { ...long(letter), id } })
  return `/fhir/Patient/${id}`
}

describe('a history', () => {
  it('ends a page where its bytes are used up, with a link to the next, and shows each version once', async () => {
    const path = await patientWithVersions('abcde')
    expect(await pagesOf(`${path}/_history?_count=200`)).toEqual([['e', 'd'], ['c', 'b'], ['a']])
    expect(await pagesOf(`${path}/_history?_count=1`)).toEqual([['e'], ['d'], ['c'], ['b'], ['a']])
  })

  it('records as read what a page shows, and no more', async () => {
    const path = await patientWithVersions('abc')
    await world.call('GET', `${path}/_history`)
    const [read] = (await world.events('RecordRead')).slice(-1)
    expect(read.data.versions).toHaveLength(2)
  })

  it('shows a version that is larger than that by itself', async () => {
    const path = await patientWithVersions('ab')
    const [, id] = path.split('/Patient/')
    const large = { ...long('c'.repeat(3)), id }
    await world.call('PUT', path, { body: large })
    expect(await pagesOf(`${path}/_history`)).toEqual([['c'], ['b', 'a']])
  })
})

describe('a batch', () => {
  it('reads no more once its answer has grown that long, and still writes', async () => {
    const path = await patientWithVersions('a')
    const get = { request: { method: 'GET', url: path.slice('/fhir/'.length) } }
    const post = { resource: patientResource(), request: { method: 'POST', url: 'Patient' } }
    const entry = [get, get, get, get, post]
    const reads = (await world.events('RecordRead')).length
    const { status, body } = await world.call('POST', '/fhir', {
      body: { resourceType: 'Bundle', type: 'batch', entry },
    })
    const statuses = entriesOf(body).map(({ response }) => String(response.status).slice(0, 3))
    expect([status, ...statuses]).toEqual([200, '200', '200', '200', '422', '201'])
    expect(body.entry[3].response.outcome.issue[0].code).toBe('too-costly')
    expect(await world.events('RecordRead')).toHaveLength(reads + 3)
  })
})
