import type { Adapter } from 'oidc-provider'
import { expect, it } from 'vitest'
import { saidAsOAuth } from './said-as-oauth.js'

function failing(error: Error): Adapter {
  const find = async () => {
    throw error
  }
  return saidAsOAuth({ find } as unknown as Adapter)
}

it('says of a database that is away what OAuth calls it, with what happened as cause', async () => {
  const away = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
  const told = { status: 503, error: 'temporarily_unavailable', expose: true, cause: away }
  await expect(failing(away).find('any')).rejects.toMatchObject(told)
})

it('throws what nobody foresaw as it is', async () => {
  const bug = new TypeError('no such thing')
  await expect(failing(bug).find('any')).rejects.toBe(bug)
})

it('keeps answers, and the object that the methods belong to', async () => {
  class Kept {
    readonly word = 'kept'
    find(): Promise<string> {
      return Promise.resolve(this.word)
    }
  }
  expect(await saidAsOAuth(new Kept() as unknown as Adapter).find('any')).toBe('kept')
})
