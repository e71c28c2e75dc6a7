// Random histories of grants, replacements and revocations against a model in memory: every decision in between must be
// the one that policy gives for the consents that the model holds.
import { randomUUID } from 'node:crypto'
import { judge, type ConsentRule } from '@careseal/consent-policy'
import type { Caller, Grantee, PurposeOfUse } from '@careseal/contracts'
import { callerOf } from '@careseal/testing'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ruleOf } from '../src/active-consents/consent-rule.js'
import { consentResource } from '../src/consent/consent.builder.js'
import type { ConsentTerms } from '../src/consent/consent.decider.js'
import { newId } from '../src/consent/consent.service.js'
import { startWorld, type World } from './world.js'

const POLICY = { read: 'basic-normal', write: 'permit' } as const

let world: World
beforeAll(async () => {
  world = await startWorld(POLICY)
})
afterAll(() => world.stop())

const doctor = callerOf('practitioner')
const grantees: Grantee[] = [
  { kind: 'practitioner', id: doctor.practitionerId! },
  { kind: 'organization', id: doctor.organizationId! },
  { kind: 'practitioner', id: randomUUID() },
]

const anyTerms = fc.record({
  effect: fc.constantFrom<ConsentTerms['effect']>('permit', 'deny'),
  grantees: fc.subarray(grantees),
  purposes: fc.subarray<PurposeOfUse>(['TREAT', 'ETREAT', 'HRESCH']),
})
const anyStep = fc.oneof(
  fc.record({ type: fc.constant('grant' as const), terms: anyTerms }),
  fc.record({ type: fc.constant('replace' as const), terms: anyTerms, which: fc.nat(5) }),
  fc.record({ type: fc.constant('revoke' as const), which: fc.nat(5) }),
)
type Step = typeof anyStep extends fc.Arbitrary<infer S> ? S : never

/** Active consents by id, and how many changes there were. */
type Model = { active: Map<string, ConsentRule>; revision: number }

async function take(step: Step, patient: Caller, model: Model): Promise<void> {
  const known = [...model.active.keys()]
  const chosen = step.type === 'grant' ? newId() : known[step.which % Math.max(known.length, 1)]
  if (chosen === undefined) return
  const ids = { consentId: chosen, versionId: newId() }
  const target = { ...ids, actor: world.consents.actorOf(patient), patientId: patient.patientId! }
  const resource = consentResource(patient.patientId!)
  model.revision += 1
  if (step.type === 'revoke') {
    model.active.delete(chosen)
    const revoked = { ...resource, status: 'inactive' }
    await world.write({ command: { type: 'RevokeConsent', ...target }, resource: revoked })
    return
  }
  const type = step.type === 'grant' ? 'GrantConsent' : 'ReplaceConsent'
  await world.write({ command: { type, ...target, terms: step.terms }, resource })
  model.active.set(chosen, ruleOf({ ...ids, revision: model.revision }, step.terms))
}

async function expectDecisions(patient: Caller, model: Model): Promise<void> {
  for (const purpose of ['TREAT', 'ETREAT', 'HRESCH'] as const) {
    const asked = { patientId: patient.patientId!, action: 'read' as const, purpose }
    const types = ['Observation']
    const about = { patientIds: [asked.patientId], born: [], changes: [], types }
    const question = { caller: doctor, ...about, action: asked.action, purpose }
    const [decision] = await world.decisions.decide(question)
    const full = { ...asked, requester: doctor, atMs: 0, born: false, changes: false }
    const wanted = judge(full, [...model.active.values()], POLICY)
    expect(decision).toMatchObject(wanted.permitted ? { permitted: true } : { permitted: false, reason: wanted.reason })
  }
}

it('decides after every step of any history as the model says', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 8 }), async (steps) => {
      const patient = callerOf('patient', { patientId: randomUUID() })
      const model: Model = { active: new Map(), revision: 0 }
      for (const step of steps) {
        await take(step, patient, model)
        await expectDecisions(patient, model)
      }
      const reached = await world.reachable.list(doctor, 'HRESCH')
      const question = {
        requester: doctor,
        patientId: patient.patientId!,
        action: 'read' as const,
        atMs: 0,
        born: false,
        changes: false,
      }
      const { permitted } = judge({ ...question, purpose: 'HRESCH' }, [...model.active.values()], POLICY)
      expect(reached.patientIds.includes(patient.patientId!)).toBe(permitted)
    }),
    { numRuns: 25 },
  )
})
