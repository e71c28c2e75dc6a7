import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { httpRoutes } from '../../tools/http-routes.mjs'

const REPOSITORY = join(import.meta.dirname, '..', '..')
const GENERATED = join(REPOSITORY, 'docs', 'generated')

it('the routes of the client are those that the services describe (node tools/docs.mjs makes them anew)', () => {
  const names = readdirSync(GENERATED).filter((name) => name.endsWith('-openapi.json'))
  const documents = names.toSorted().map((name) => JSON.parse(readFileSync(join(GENERATED, name), 'utf8')) as object)
  const file = join(REPOSITORY, 'libs', 'client', 'src', 'http', 'generated', 'routes.ts')
  expect(readFileSync(file, 'utf8')).toBe(httpRoutes(documents))
})
