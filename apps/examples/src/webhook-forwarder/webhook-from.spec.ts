import { describe, expect, it } from 'vitest'
import { webhookFrom } from './webhook-from.js'

const URL_GIVEN = 'https://receiver.example/hooks'
const [newSecret, oldSecret] = [2, 1].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`)

describe('the webhook of the environment', () => {
  it.each([`${newSecret} ${oldSecret}`, `${newSecret}  ${oldSecret}\n`, `\n${newSecret}\t${oldSecret} `])(
    'has each secret, whatever space is around it: %j',
    (secrets) => {
      const webhook = webhookFrom({ url: `${URL_GIVEN}\n`, secrets })
      expect(webhook).toEqual({ url: URL_GIVEN, secrets: [newSecret, oldSecret] })
    },
  )

  it.each(['nowhere.test/hooks', 'ftp://nowhere.test', 'https://', 'https://me:secret@nowhere.test'])(
    'is refused for an address to which nothing can be sent: %s',
    (url) => {
      const refused = () => webhookFrom({ url, secrets: `${newSecret}` })
      expect(refused).toThrow(/^WEBHOOK_URL: set it to/)
      expect(refused).not.toThrow('nowhere')
    },
  )

  it('is refused without a secret, and with a bad one among good ones, which is named by its place alone', () => {
    expect(() => webhookFrom({ url: URL_GIVEN, secrets: ' \n' })).toThrow('WEBHOOK_SECRETS: set it to one')
    const secrets = `${newSecret} whsec_mistyped`
    const refused = () => webhookFrom({ url: URL_GIVEN, secrets })
    expect(refused).toThrow(/^WEBHOOK_SECRETS, number 2: a webhook secret is whsec_/)
    expect(refused).not.toThrow('mistyped')
  })
})
