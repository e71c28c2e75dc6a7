import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadDefinitions } from './definitions.js'
import { createFhir } from './fhir.js'
import type { Issue } from './issue.js'

const shared = join(import.meta.dirname, '../../../../shared/data/dev')
const fhir = createFhir(loadDefinitions())

const read = (...path: string[]): unknown => JSON.parse(readFileSync(join(shared, ...path), 'utf8'))
const filesOf = (folder: string): string[] => readdirSync(join(shared, folder)).filter((name) => name.endsWith('.json'))
const issuesOf = (json: unknown): Issue[] => {
  const result = fhir.validateResource(json)
  return result.ok ? [] : result.issues
}

const observation = {
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'urn:x', code: 'a' }] },
  subject: { reference: 'Patient/1' },
  valueString: 'CANARY',
}
const patient = { resourceType: 'Patient', gender: 'female', birthDate: '1980-02-03' }

describe.skipIf(!existsSync(shared))('validation of published data', () => {
  it.each(filesOf('r4-official-examples'))('accepts the official example %s', (name) => {
    expect(issuesOf(read('r4-official-examples', name))).toEqual([])
  })

  it('accepts every entry of the Synthea bundles', () => {
    for (const name of filesOf('synthea-r4-transactions')) {
      const bundle = read('synthea-r4-transactions', name) as { entry: { resource: unknown }[] }
      for (const entry of bundle.entry) expect(issuesOf(entry.resource)).toEqual([])
    }
  })

  it('refuses every resource with a planted fault and says where', () => {
    const faulty = read('invalid-resources', 'invalid.json') as Record<string, unknown>
    expect(Object.keys(faulty)).toHaveLength(20)
    for (const [fault, resource] of Object.entries(faulty)) {
      const issues = issuesOf(resource)
      expect(issues, fault).not.toEqual([])
      for (const issue of issues) expect(issue.expression?.[0], fault).toMatch(/^[A-Z]\w+(\.\w+|\[\d+\])*$/)
    }
  })

  it('accepts the odd but valid ones', () => {
    for (const resource of Object.values(read('invalid-resources', 'valid.json') as object)) {
      expect(issuesOf(resource)).toEqual([])
    }
  })

  it('never throws on the cases of the reference validator', () => {
    for (const name of filesOf('validator-cases').filter((file) => !file.includes('.expected.'))) {
      expect(() => fhir.validateResource(parsed(join('validator-cases', name)))).not.toThrow()
    }
  })
})

function parsed(path: string): unknown {
  const text = readFileSync(join(shared, path), 'utf8')
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const binary = (valueBase64Binary: string) => ({ ...patient, extension: [{ url: 'urn:x', valueBase64Binary }] })

const withGiven = (first: unknown) => ({ ...patient, name: [{ given: ['a', 'b'], _given: [first, { id: 'x' }] }] })
const withFaults = (length: number) => ({ ...patient, name: Array.from({ length }, () => ({ x: 1 })) })
const codings = (system: string) => Array.from({ length: 15_000 }, (_, index) => ({ system, code: `c${index}` }))

/** A logical model with elements at these paths. */
const model = (paths: string[], view: string) => ({
  resourceType: 'StructureDefinition',
  url: 'urn:x',
  name: 'X',
  status: 'active',
  kind: 'logical',
  abstract: false,
  type: 'X',
  baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Element',
  derivation: 'specialization',
  [view]: {
    element: paths.map((path) => ({
      id: path,
      path,
      definition: 'x',
      min: 0,
      max: '1',
      base: { path, min: 0, max: '1' },
    })),
  },
})

describe('validation', () => {
  it.each([
    ['two types of one choice', { ...observation, valueInteger: 1 }, /^Observation\.value/],
    ['a reference to nothing contained', { ...patient, generalPractitioner: [{ reference: '#x' }] }, /reference$/],
    ['half a character', { ...patient, name: [{ family: 'x\ud800' }] }, /name\[0\]\.family$/],
    ['an empty array', { ...patient, name: [] }, /^Patient\.name$/],
    ['a wrong target type', { ...observation, subject: { reference: 'Medication/1' } }, /^Observation\.subject$/],
    ['a period that ends first', { ...patient, name: [{ period: { start: '2020', end: '2019' } }] }, /period$/],
    ['a fault inside a contained resource', { ...patient, contained: [{ resourceType: 'Patient', x: 1 }] }, /\.x$/],
    [
      'an unknown contained type',
      { ...patient, contained: [{ resourceType: 'Nothing' }] },
      /contained\[0\]\.resourceType/,
    ],
    ['a component with the code of a valued observation', { ...observation, component: [observation] }, /component/],
  ])('refuses %s', (_case, resource, where) => {
    const expressions = issuesOf(resource).flatMap((issue) => issue.expression ?? [])
    expect(expressions.some((expression) => where.test(expression))).toBe(true)
  })

  it.each([
    '<div xmlns="http://www.w3.org/1999/xhtml"><img src="x" onerror="a()"/></div>',
    '<div xmlns="http://www.w3.org/1999/xhtml"><a href="java&#x73;cript:a()">x</a></div>',
    '<div xmlns="http://www.w3.org/1999/xhtml"><iframe src="x"/></div>',
    '<div xmlns="http://www.w3.org/1999/xhtml"><!DOCTYPE x></div>',
    '<div><svg/></div>',
    '<span>x</span>',
  ])('refuses the narrative %s', (div) => {
    expect(issuesOf({ ...patient, text: { status: 'generated', div } })[0]?.code).toBe('security')
  })

  it('accepts formatted narratives and references to contained resources', () => {
    const div =
      '<div xmlns="http://www.w3.org/1999/xhtml"><p style="color: red">a &lt; b <br/><a href="#x">c</a></p></div>'
    const contained = [{ resourceType: 'Practitioner', id: 'x' }]
    const generalPractitioner = [{ reference: '#x' }]
    expect(issuesOf({ ...patient, text: { status: 'generated', div }, contained, generalPractitioner })).toEqual([])
  })

  it('accepts base64 that is broken into lines', () => {
    expect(issuesOf({ resourceType: 'Binary', contentType: 'a/b', data: 'AAAA\n AAAA' })).toEqual([])
    expect(issuesOf({ resourceType: 'Binary', contentType: 'a/b', data: 'AAAA\n AAA' })).not.toEqual([])
  })

  it('is not held up by blanks inside base64, nor by its length', () => {
    expect(issuesOf(binary(`${'AAAA   '.repeat(30)}!`))).toMatchObject([{ code: 'value' }])
    for (const wrong of ['   ', 'AAA', 'AA=A']) expect(issuesOf(binary(wrong))).not.toEqual([])
    expect(issuesOf(binary('A'.repeat(12_000_000)))).toEqual([])
  })

  it('refuses a text that is longer than R4 allows instead of running out of stack', () => {
    const extension = [{ url: 'urn:x', valueCode: 'a '.repeat(4_000_000) }]
    expect(issuesOf({ ...patient, extension })).toMatchObject([{ code: 'value' }])
  })

  it.each([null, 1, 'x', [], {}, { resourceType: 1 }, { resourceType: 'Patientt' }])('refuses %j', (json) => {
    expect(issuesOf(json)).not.toEqual([])
  })

  it('refuses what is nested beyond all reason', () => {
    let deep: unknown = { url: 'x', valueString: 'y' }
    for (let i = 0; i < 10_000; i++) deep = { url: 'x', extension: [deep] }
    expect(issuesOf({ ...patient, extension: [deep] })[0]?.diagnostics).toMatch(/too deeply/)
  })

  it.each([
    ['a number', 1],
    ['a text', 'x'],
    ['a boolean', true],
    ['null', null],
    ['an array', [{ family: 'x' }]],
  ])('refuses %s in place of an element that has members, and names it', (_case, element) => {
    const expected = { code: 'structure', diagnostics: 'The JSON type is wrong; expected object.' }
    expect(issuesOf({ ...patient, name: [{ family: 'x' }, element] })).toMatchObject([
      { ...expected, expression: ['Patient.name[1]'] },
    ])
    expect(issuesOf({ ...patient, maritalStatus: element })).toMatchObject([
      { ...expected, expression: ['Patient.maritalStatus'] },
    ])
  })

  it('accepts null for a primitive that has no more to say, and no number', () => {
    expect(issuesOf(withGiven(null))).toEqual([])
    expect(issuesOf(withGiven(1))).toMatchObject([{ expression: ['Patient.name[0]._given[0]'] }])
  })

  it('refuses a resource of too many values before it is looked at', () => {
    const many = { ...patient, name: Array.from({ length: 1_000_000 }, () => 1) }
    expect(fhir.validateResource(many, 'Patient')).toMatchObject({
      ok: false,
      issues: [{ code: 'too-costly', expression: ['Patient'] }],
    })
    const code = Array.from({ length: 5_000 }, (_, index) => ({ code: `c${index}` }))
    expect(issuesOf({ resourceType: 'CodeSystem', status: 'active', content: 'complete', concept: code })).toEqual([])
  })

  it('names some of many faults and says that there may be more, in linear time', () => {
    const [few, many] = [issuesOf(withFaults(1_000)), issuesOf(withFaults(120_000))]
    expect([few.length, many.length]).toEqual([21, 2])
    for (const issues of [few, many]) expect(issues.at(-1)).toMatchObject({ severity: 'information' })
    const contained = Array.from({ length: 40_000 }, () => ({ resourceType: 'Patient', x: 1 }))
    expect(issuesOf({ ...patient, contained })).toHaveLength(21)
  })

  it('compares codes and paths in linear time', () => {
    const component = codings('urn:y').map((coding) => ({ code: { coding: [coding] }, valueString: 'x' }))
    expect(issuesOf({ ...observation, code: { coding: codings('urn:x') }, component })).toEqual([])
    const paths = ['X', ...codings('').map(({ code }) => `X.${code}`)]
    expect(issuesOf(model(paths, 'snapshot'))).toEqual([])
  })

  it.each([
    ['snapshot', ['X', 'X.a', 'Y.b']],
    ['snapshot', ['X', 'X.a', 'Xb']],
    ['differential', ['X.a', 'X.b', 'Y.c']],
  ])('refuses a %s with the paths %j', (view, paths) => {
    expect(issuesOf(model(paths, view))).toMatchObject([
      { code: 'invariant', expression: [`StructureDefinition.${view}.element[2].path`] },
    ])
    expect(issuesOf(model(paths.slice(0, 2), view))).toEqual([])
  })

  it('echoes no value of the resource', () => {
    const texts = JSON.stringify([
      issuesOf({ ...observation, status: 'CANARY', 'CANARY NAME': 'CANARY' }),
      issuesOf({ ...observation, subject: { reference: 'Medication/CANARY' }, valueInteger: 1 }),
      issuesOf({ ...patient, birthDate: 'CANARY', name: [{ period: { start: 'CANARY' } }] }),
      issuesOf({ resourceType: 'CANARY' }),
    ])
    expect(texts).not.toMatch(/canary/i)
  })

  it('puts a prefix before every expression', () => {
    const result = fhir.validateResource({ ...patient, birthDate: 'x' }, 'Bundle.entry[3].resource')
    expect(result).toMatchObject({ ok: false, issues: [{ expression: ['Bundle.entry[3].resource.birthDate'] }] })
  })
})
