import { AccessAction, PurposeOfUse, Role } from '@careseal/contracts'
import { describe, expect, it } from 'vitest'
import type { ConsentRule } from './evaluate.js'
import { judge, type AccessQuestion, type DeploymentPolicy, type Requester } from './judge.js'

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

  it('writes by the default for writing, and with the patient’s permit where that is closed', () => {
    const write = { ...ask, action: 'write' as const }
    expect(judge(write, [deny], strict)).toMatchObject({ permitted: true, basis: 'default-policy' })
    expect(judge(write, [], { read: 'basic-normal', write: 'deny' })).toMatchObject({ reason: 'no-consent' })
    expect(judge(write, [permit], { read: 'deny', write: 'deny' })).toMatchObject({ basis: 'consent' })
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
