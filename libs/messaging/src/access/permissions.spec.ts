import { PRODUCERS } from '@careseal/contracts'
import { createUser } from '@nats-io/nkeys'
import { describe, expect, it } from 'vitest'
import { subjectMatches } from '@careseal/event-envelope'
import { renderAuthorization, renderNatsConfig } from './nats-config.js'
import { DEPLOYER, natsPermissions, OUTSIDE_EXAMPLE, SERVICES } from './permissions.js'

const permissions = natsPermissions()

function whoMay(action: 'publish' | 'subscribe', subject: string): string[] {
  return Object.keys(permissions).filter((user) =>
    permissions[user]?.[action].some((allowed) => subjectMatches(allowed, subject)),
  )
}

const user = (name: string) => ({ name, publicNkey: createUser().getPublicKey() })

describe('permissions', () => {
  it.each(PRODUCERS)('only %s publishes as %s', (producer) => {
    expect(whoMay('publish', `evt.${producer}.thing.something-happened`)).toEqual([producer])
  })

  it.each(PRODUCERS)('only %s answers for itself', (producer) => {
    expect(whoMay('subscribe', `cmd.${producer}.outbox-head`)).toEqual([producer])
  })

  it('every reader of a producer may ask it for what the stream lacks', () => {
    for (const [name, { reads }] of Object.entries(SERVICES)) {
      for (const read of reads) {
        expect(whoMay('publish', `cmd.${read}.outbox-head`)).toContain(name)
        expect(whoMay('publish', `cmd.${read}.replay-outbox`)).toContain(name)
      }
    }
    expect(whoMay('publish', 'cmd.records.replay-outbox')).toEqual(['audit', 'ledger-sequencer'])
  })

  it('only those who need an answer may ask for it', () => {
    expect(whoMay('publish', 'cmd.consent.decide-access')).toEqual(['records'])
    expect(whoMay('publish', 'cmd.records.open-leaf')).toEqual(['audit'])
  })

  it.each(PRODUCERS)('only %s tells the signer its tombstones and asks for them', (service) => {
    expect(whoMay('publish', `cmd.signer.${service}.add-tombstones`)).toEqual([service])
    expect(whoMay('publish', `cmd.signer.${service}.list-tombstones`)).toEqual([service])
    expect(whoMay('subscribe', `cmd.signer.${service}.add-tombstones`)).toEqual(['ledger-sequencer'])
  })

  it.each(PRODUCERS)('only the deployer has keys of %s destroyed', (service) => {
    expect(whoMay('publish', `cmd.${service}.destroy-subject-keys`)).toEqual([DEPLOYER])
  })

  it('an outside consumer may read through its own consumer, ask for its own replays, and nothing else', () => {
    const publicNkey = createUser().getPublicKey()
    const grant = { name: 'billing', types: ['ConsentRevoked' as const], publicNkey, recipient: false }
    const { billing } = natsPermissions({ consumers: [grant] })
    expect(billing?.publish.filter((subject) => !subject.startsWith('$JS.'))).toEqual([
      'dlq.billing',
      'cmd.consent.replay-for.billing',
    ])
    for (const subject of billing?.publish ?? []) expect(subject).toMatch(/(^|\.)billing(\.|$)/)
    expect(billing).toMatchObject({ subscribe: ['_INBOX.billing.>'], allowResponses: false })
    const recipient = natsPermissions({ consumers: [{ ...grant, recipient: true }] })['billing']
    expect(recipient?.subscribe).toContain('cmd.recipient.billing.forget-subjects')
  })

  it('only the sequencer announces', () => {
    expect(whoMay('publish', 'ledger.block-sealed')).toEqual(['ledger-sequencer'])
  })

  it('every user hears its own inbox and nobody else’s', () => {
    for (const user of Object.keys(permissions)) expect(whoMay('subscribe', `_INBOX.${user}.x.y`)).toEqual([user])
  })

  it('only the deployer changes streams, and only where told may services create them', () => {
    expect(whoMay('publish', '$JS.API.STREAM.UPDATE.EVENTS')).toEqual([DEPLOYER])
    expect(whoMay('publish', '$JS.API.STREAM.CREATE.EVENTS')).toEqual([DEPLOYER])
    expect(whoMay('publish', '$JS.API.STREAM.DELETE.EVENTS')).toEqual([])
    expect(natsPermissions({ manageStreams: true })['audit']?.publish).toContain('$JS.API.STREAM.CREATE.EVENTS')
  })

  it('nobody may do everything', () => {
    for (const { publish, subscribe } of Object.values(permissions)) {
      for (const subject of [...publish, ...subscribe]) expect(subject).not.toMatch(/^[>*]/)
    }
  })

  it('a producer that recovers reads its own events and nobody else’s', () => {
    const reading = '$JS.API.CONSUMER.CREATE.EVENTS.consent-recovery'
    expect(whoMay('publish', `${reading}.evt.consent-2.>`)).toContain('consent')
    expect(whoMay('publish', `${reading}.evt.records.>`)).not.toContain('consent')
    expect(whoMay('publish', `${reading}.evt.>`)).not.toContain('consent')
  })

  it('let every producer publish under its later names', () => {
    expect(whoMay('publish', 'evt.consent-2.consent.consent-granted')).toEqual(['consent'])
    expect(whoMay('publish', 'evt.consent-10.consent.consent-granted')).toEqual([])
  })

  it('let a new incarnation publish beside the old one', () => {
    const { consent } = natsPermissions({ incarnations: { consent: ['consent', 'consent-2'] } })
    expect(consent?.publish).toEqual(expect.arrayContaining(['evt.consent.>', 'evt.consent-2.>']))
  })
})

describe('nats.conf', () => {
  it('holds every user with its key, and lets nobody in without', () => {
    const users = [user('records'), user(OUTSIDE_EXAMPLE)]
    const text = renderNatsConfig({ users, storeDir: '/data', port: 4333 })
    for (const { publicNkey } of users) expect(text).toContain(`nkey: ${publicNkey}`)
    expect(text).toContain('listen: "127.0.0.1:4333"')
    expect(text).not.toContain('no_auth_user')
  })

  it('turns TLS on, and asks clients for certificates, when told so', () => {
    const tls = { certFile: '/tls/tls.crt', keyFile: '/tls/tls.key', caFile: '/tls/ca.crt' }
    const text = renderNatsConfig({ users: [user('audit')], storeDir: '/data', tls })
    expect(text).toContain('verify: true')
    expect(text).toContain('min_version: "1.3"')
  })

  it('refuses users that nobody has decided about, and keys that are none', () => {
    expect(() => renderAuthorization([user('stranger')])).toThrow('no permissions are known')
    expect(() => renderAuthorization([{ name: 'audit', publicNkey: 'UABC" }' }])).toThrow('malformed')
  })
})
