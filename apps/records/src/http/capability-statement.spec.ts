import { describe, expect, it } from 'vitest'
import { createFhir, OWNED_BY_RECORDS, parseSearch, RESOURCE_TYPES } from '@careseal/fhir'
import { loadDefinitions } from '@careseal/fhir/definitions'
import { capabilityStatement } from './capability-statement.js'
import { ServerBase } from './server-base.js'
import { smartConfiguration } from './smart-configuration.js'

type Described = { type: string; searchParam: { name: string; type: string }[] }
const statement = capabilityStatement(new ServerBase('https://a.example'))
const described = (statement as { rest: { resource: Described[] }[] }).rest[0]!.resource

describe('the capability statement', () => {
  it('is a valid one', () => {
    expect(createFhir(loadDefinitions()).validateResource(statement)).toMatchObject({ ok: true })
  })

  it('names the types that are served', () => {
    expect(described.map((one) => one.type)).toEqual([...RESOURCE_TYPES])
  })

  it('names exactly the parameters that a search understands', () => {
    const values = { token: 'a', date: '2024', reference: 'a' } as Record<string, string>
    const all = ['_id', 'code', 'category', 'date', 'patient', 'subject', 'identifier', '_lastUpdated', '_sort']
    for (const { type, searchParam } of described.filter((one) => OWNED_BY_RECORDS.has(one.type))) {
      const named = new Map(searchParam.map((one) => [one.name, one.type]))
      for (const name of all) {
        const value = values[named.get(name) ?? 'token']!
        expect(parseSearch(type, [[name, value]], { strict: true }).ok, `${type} ${name}`).toBe(named.has(name))
      }
    }
  })
})

describe('the SMART configuration', () => {
  it('has absolute URLs', () => {
    const urls = Object.entries(smartConfiguration('https://a.example')).filter(([name]) =>
      /uri|endpoint$|issuer/.test(name),
    )
    expect(urls).toHaveLength(3)
    for (const [, url] of urls) expect(url).toMatch(/^https:\/\/a\.example\/auth/)
  })
})
