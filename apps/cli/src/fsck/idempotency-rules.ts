// One key, one effect, one answer, as far as stored answers show it: each names what is really there, what one key made
// was made in one transaction, and nothing was made by two keys. Rows are named by their MAC: keys are the clients' words.
import type { Rule } from './rules.js'

const PLACE = `'request ' || left(encode(i.request_mac, 'hex'), 16)`

/** The answers to requests, one row each: what was answered, and which version it names. */
const ANSWERS = `
  (SELECT ${PLACE} AS place, i.actor, i.key, a ->> 'location' AS location, a ->> 'etag' AS etag,
          substring(a ->> 'location' FROM '_history/([0-9a-f-]{36})$')::uuid AS version_id
   FROM idempotency i, jsonb_array_elements(i.answers) AS a
   WHERE a ->> 'location' IS NOT NULL) AS answer`

const VERSIONS: Record<string, { table: string; id: string }> = {
  records: { table: 'version', id: `v.type || '/' || v.id` },
  consent: { table: 'consent_version', id: `'Consent/' || v.consent_id` },
}

export function idempotencyRules(schema: string): Rule[] {
  const unanswered: Rule = {
    schema,
    name: 'each idempotent request was committed with its answers',
    invariant: 'I19',
    what: 'it was committed without its answers',
    sql: `SELECT ${PLACE} AS place FROM idempotency i WHERE answers IS NULL OR jsonb_array_length(answers) = 0`,
    counted: 'idempotency',
  }
  if (schema === 'identity') return [unanswered, namedEntities()]
  return VERSIONS[schema]
    ? [unanswered, namedVersions(schema), oneEffect(schema), oneTransaction(schema)]
    : [unanswered]
}

function namedEntities(): Rule {
  return {
    schema: 'identity',
    name: 'idempotent answers name what is there',
    invariant: 'I19',
    what: 'it was answered with something that no event made',
    sql: `SELECT place FROM ${ANSWERS} CROSS JOIN substring(location FROM '[^/]+$') AS id
          WHERE NOT EXISTS (SELECT 1 FROM stream
                            WHERE stream_id IN ('member-' || id, 'account-' || id, 'client-' || id))`,
    counted: ANSWERS,
  }
}

function namedVersions(schema: string): Rule {
  const { table, id } = VERSIONS[schema]!
  return {
    schema,
    name: 'idempotent answers name versions that are there',
    invariant: 'I19',
    what: 'it was answered with a version that is not there, or with another ETag',
    sql: `SELECT place FROM ${ANSWERS} LEFT JOIN ${table} v USING (version_id)
          WHERE v.version_id IS NULL OR etag IS DISTINCT FROM 'W/"' || v.version_id || '"'
             OR position(${id} || '/_history/' IN location) = 0`,
    counted: ANSWERS,
  }
}

function oneEffect(schema: string): Rule {
  return {
    schema,
    name: 'no version was made by two idempotent requests',
    invariant: 'I19',
    what: 'another request was answered with the same version',
    sql: `SELECT min(place) AS place FROM ${ANSWERS} GROUP BY version_id HAVING count(*) > 1`,
    counted: ANSWERS,
  }
}

function oneTransaction(schema: string): Rule {
  const { table } = VERSIONS[schema]!
  return {
    schema,
    name: 'what one idempotent request made has one time',
    invariant: 'I19',
    what: 'its versions were not made at once',
    sql: `SELECT place FROM ${ANSWERS} JOIN ${table} v USING (version_id)
          GROUP BY place, answer.actor, answer.key HAVING count(DISTINCT v.recorded_at) > 1`,
    counted: ANSWERS,
  }
}
