// Forms are small and are read before anybody is asked for a token, so they have bounds of their own.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HttpProblem } from '../errors/http-problem.js'

/** The most bytes of a form, whatever other bodies may have. Beyond it: 413. */
export const FORM_BYTES_MAX = 64 * 1024

/** The most fields of a form, each repetition counted. Beyond it: 400. */
export const FORM_FIELDS_MAX = 1_000

/** What a form holds; a name that is given more than once has a list. */
export type Form = Record<string, string | string[]>

const FORM_TYPE = 'application/x-www-form-urlencoded'

/** Lets routes read `application/x-www-form-urlencoded` bodies as a `Form`. */
export function acceptForms(fastify: FastifyInstance): void {
  const options = { parseAs: 'string', bodyLimit: FORM_BYTES_MAX } as const
  fastify.addContentTypeParser(FORM_TYPE, options, async (_request: FastifyRequest, body: string) => parseForm(body))
}

/** Throws 400 when there are more fields than a form may have. */
export function parseForm(body: string): Form {
  const fields = new URLSearchParams(body)
  if (fields.size > FORM_FIELDS_MAX) {
    throw new HttpProblem(400, 'too-many-fields', `A form may have ${FORM_FIELDS_MAX} fields.`)
  }
  const form: Form = Object.create(null)
  for (const [name, value] of fields) {
    const known = form[name]
    if (known === undefined) form[name] = value
    else if (typeof known === 'string') form[name] = [known, value]
    else known.push(value)
  }
  return form
}

/** Whether the request says that its body is a form. */
export function isForm(request: FastifyRequest): boolean {
  return request.headers['content-type']?.split(';')[0]?.trim().toLowerCase() === FORM_TYPE
}
