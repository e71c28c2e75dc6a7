import { AccessAction, PurposeOfUse, Role, type Grantee } from '@careseal/contracts'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ConsentRule } from './evaluate.js'
import { judge, type AccessQuestion, type DeploymentPolicy, type Requester } from './judge.js'
import { naiveVerdict } from './naive.js'

const strict: DeploymentPolicy = { read: 'deny', write: 'permit' }
const open: DeploymentPolicy = { read: 'basic-normal', write: 'permit' }
const doctor: Requester = { role: 'practitioner', memberId: 'm1', practitionerId: 'dr1', organizationId: 'o1' }
const ask: AccessQuestion = {
  requester: doctor,
  patientId: 'p1',
  action: 'read',
  purpose: 'TREAT',
  atMs: 0,
  born: false,
  changes: false,
}
const permit: ConsentRule = {
  consentId: 'c1',
  versionId: 'v1',
  effect: 'permit',
  grantees: [{ kind: 'practitioner', id: 'dr1' }],
  purposes: ['TREAT'],
  revision: 1,
}
const deny: ConsentRule = { ...permit, effect: 'deny' }
const anyConsents = fc
  .array(
    fc.record({
      effect: fc.constantFrom('permit' as const, 'deny' as const),
      grantees: fc.subarray<Grantee>([
        { kind: 'practitioner', id: 'dr1' },
        { kind: 'organization', id: 'o1' },
        { kind: 'practitioner', id: 'dr2' },
      ]),
      purposes: fc.subarray<PurposeOfUse>(['TREAT', 'ETREAT', 'HRESCH']),
      periodEndMs: fc.constantFrom(0, 1),
    }),
    { maxLength: 6 },
  )
  .map((list) => list.map((one, at): ConsentRule => ({ ...permit, ...one, revision: at + 1 })))

describe('a patient', () => {
  const requester: Requester = { role: 'patient', patientId: 'p1' }

  it('reads the own record for any purpose, whatever the consents say', () => {
    const denyAll = { ...deny, grantees: [], purposes: [] }
    expect(judge({ ...ask, requester }, [denyAll], strict)).toMatchObject({ permitted: true, basis: 'own-record' })
  })

  it("reads nobody else's record and writes none", () => {
    const everybody = { ...permit, grantees: [], purposes: [] }
    for (const change of [{ patientId: 'p2' }, { action: 'write' as const }]) {
      expect(judge({ ...ask, requester, ...change }, [everybody], open)).toMatchObject({ reason: 'role-not-allowed' })
    }
  })
})

describe('a practitioner of a member', () => {
  it('reads with a consent, and the decision names its version', () => {
    expect(judge(ask, [permit], strict)).toMatchObject({ permitted: true, basis: 'consent', consentVersionId: 'v1' })
  })

  it('reads nothing where the patient denies it, even under an open default', () => {
    expect(judge(ask, [deny], open)).toMatchObject({ reason: 'consent-denies', consentVersionId: 'v1' })
  })

  it('without a consent gets what the default policy gives, and learns why not', () => {
    expect(judge(ask, [], strict)).toMatchObject({ permitted: false, reason: 'no-consent' })
    expect(judge(ask, [], open)).toMatchObject({ permitted: true, basis: 'default-policy' })
    expect(judge({ ...ask, purpose: 'HRESCH' }, [], open)).toMatchObject({ reason: 'default-policy' })
    expect(judge({ ...ask, purpose: 'HRESCH' }, [permit], strict)).toMatchObject({ reason: 'purpose-not-allowed' })
  })

  const write = { ...ask, action: 'write' as const }
  const change = { ...write, changes: true }

  it('adds by the default for writing, unless the patient denies it', () => {
    expect(judge(write, [], strict)).toMatchObject({ permitted: true, basis: 'default-policy' })
    expect(judge(write, [permit], strict)).toMatchObject({ permitted: true, basis: 'consent', consentVersionId: 'v1' })
    expect(judge(write, [deny], strict)).toMatchObject({ reason: 'consent-denies', consentVersionId: 'v1' })
  })

  it('changes what others wrote as it reads: by a consent, else by the default for reading', () => {
    expect(judge(change, [], strict)).toMatchObject({ permitted: false, reason: 'no-consent' })
    expect(judge(change, [permit], strict)).toMatchObject({ permitted: true, basis: 'consent' })
    expect(judge(change, [], open)).toMatchObject({ permitted: true, basis: 'default-policy' })
    expect(judge(change, [deny], open)).toMatchObject({ reason: 'consent-denies' })
  })

  it('writes nothing without a permit where the default for writing is closed', () => {
    for (const question of [write, change]) {
      expect(judge(question, [], { read: 'basic-normal', write: 'deny' })).toMatchObject({ reason: 'no-consent' })
      expect(judge(question, [permit], { read: 'deny', write: 'deny' })).toMatchObject({ basis: 'consent' })
    }
  })

  it('is judged as the plain combining rule says, whatever the consents', () => {
    fc.assert(
      fc.property(anyConsents, fc.constantFrom(strict, open), (consents, policy) => {
        const { requester, purpose, atMs } = ask
        const { practitionerId, organizationId } = requester
        const verdict = naiveVerdict(consents, { practitionerId, organizationId, purpose, atMs })
        const isReadable = verdict === 'permit' || (verdict === null && policy.read === 'basic-normal')
        const isPermitted = (question: AccessQuestion) => judge(question, consents, policy).permitted
        expect([ask, change, write].map(isPermitted)).toEqual([isReadable, isReadable, verdict !== 'deny'])
      }),
    )
  })

  it('starts the record of a patient who is being born, but reads it by consent only', () => {
    const born = { ...ask, born: true }
    expect(judge({ ...born, action: 'write' }, [], { read: 'deny', write: 'deny' })).toMatchObject({
      basis: 'custodian',
    })
    expect(judge(born, [], strict)).toMatchObject({ permitted: false })
  })
})

const roles = Role.options.flatMap((role): Requester[] => [{ role }, { role, memberId: 'm1' }])
const outsiders = roles.filter(
  ({ role, memberId }) => memberId === undefined || !['practitioner', 'system'].includes(role),
)

describe('everybody else', () => {
  it('is refused every action for every purpose, whatever consents and policies say', () => {
    const everybody = { ...permit, grantees: [], purposes: [] }
    const openings = outsiders.flatMap((requester) =>
      AccessAction.options.flatMap((action) =>
        PurposeOfUse.options.flatMap((purpose) =>
          [true, false].map((born) => judge({ ...ask, requester, action, purpose, born }, [everybody], open)),
        ),
      ),
    )
    expect(openings).toHaveLength(8 * 2 * 8 * 2)
    expect(openings.filter(({ permitted }) => permitted)).toEqual([])
  })
})

describe('the default policies', () => {
  it.each([
    ['deny', []],
    ['basic-normal', ['TREAT', 'ETREAT', 'HPAYMT', 'HOPERAT']],
  ] as const)('%s permits reading for exactly %j', (read, purposes) => {
    const permitted = PurposeOfUse.options.filter(
      (purpose) => judge({ ...ask, purpose }, [], { read, write: 'deny' }).permitted,
    )
    expect(permitted).toEqual(purposes)
  })
})
