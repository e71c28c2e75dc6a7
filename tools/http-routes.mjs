// The types of all HTTP routes for @careseal/client, made from the OpenAPI documents in docs/generated.

// What the client hands on as it is: parsed where it is JSON, else as text.
const MEDIA_TYPES = /[/+]json$|^text\/plain$/
const METHODS = ['get', 'post', 'put', 'patch', 'delete']

/** @param {object[]} documents OpenAPI documents; a route that two describe is the first one's. */
export function httpRoutes(documents) {
  const routes = new Map()
  for (const [name, operation] of documents.flatMap(operationsOf)) {
    if (!routes.has(name)) routes.set(name, routeType(operation))
  }
  const lines = [...routes].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, type]) => `  '${name}': ${type}`)
  return `// Made from docs/generated/*-openapi.json by tools/docs.mjs; a test fails when it is stale.

/** Every route by method and path: what goes into the query and the body, and what a success answers. */
export type Routes = {
${lines.join('\n')}
}
`
}

function operationsOf({ paths }) {
  return Object.entries(paths).flatMap(([path, operations]) =>
    METHODS.filter((method) => operations[method]).map((method) => [
      `${method.toUpperCase()} ${path}`,
      operations[method],
    ]),
  )
}

function routeType({ parameters = [], requestBody, responses }) {
  const query = parameters.filter((one) => one.in === 'query')
  const members = query.map(({ name, required, schema }) => `${key(name)}${required ? '' : '?'}: ${typeOf(schema)}`)
  const success = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1]
  const parts = [
    `query: ${members.length === 0 ? 'object' : `{ ${members.join('; ')} }`}`,
    `body: ${bodyType(requestBody)}`,
    `answer: ${contentType(success?.content)}`,
  ]
  return `{ ${parts.join('; ')} }`
}

const bodyType = (requestBody) => (requestBody ? contentType(requestBody.content) : 'unknown')
const contentType = (content) =>
  typeOf(Object.entries(content ?? {}).find(([type]) => MEDIA_TYPES.test(type))?.[1].schema)
const key = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name))

function typeOf(schema) {
  if (!schema) return 'unknown'
  const union = schema.anyOf ?? schema.oneOf
  if (union) return union.map((one) => `(${typeOf(one)})`).join(' | ')
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  const type = plainType(schema)
  return schema.nullable ? `${type} | null` : type
}

function plainType(schema) {
  if (schema.type === 'array') return `(${typeOf(schema.items)})[]`
  if (schema.type === 'object') return objectType(schema)
  if (schema.type === 'integer' || schema.type === 'number') return 'number'
  return ['string', 'boolean'].includes(schema.type) ? schema.type : 'unknown'
}

function objectType({ properties, required = [], additionalProperties }) {
  if (!properties) return `Record<string, ${typeOf(additionalProperties === true ? undefined : additionalProperties)}>`
  const members = Object.entries(properties).map(
    ([name, schema]) => `${key(name)}${required.includes(name) ? '' : '?'}: ${typeOf(schema)}`,
  )
  // A loose object: there is more in it, of which nothing is said.
  if (additionalProperties) members.push('[member: string]: unknown')
  return `{ ${members.join('; ')} }`
}
