// What must be gone once a subject's keys are destroyed, and what may not be gone while they are not. Ciphertext of records
// and consents, and indexes, stay behind as long as only keys are destroyed: without a key none of it opens.
import type { Rule } from './rules.js'

const ERASED = `(SELECT subject_id FROM subject WHERE state = 'erased' UNION SELECT subject_id FROM tombstone) AS erased`

export function erasureRules(schema: string): Rule[] {
  return [keysAreGone(schema), partsAreGone(schema), keysAreThere(schema)]
}

function keysAreGone(schema: string): Rule {
  return {
    schema,
    name: 'no key of an erased subject',
    invariant: 'I22',
    what: 'its subject is erased or the key has a tombstone, and the key is here',
    sql: `SELECT 'key ' || k.key_id AS place FROM subject_key k JOIN ${ERASED} USING (subject_id)
          UNION SELECT 'key ' || k.key_id FROM subject_key k JOIN tombstone USING (key_id)
          UNION SELECT 'tombstone of key ' || t.key_id FROM tombstone t JOIN subject s USING (subject_id)
          WHERE s.state <> 'erased'`,
    counted: 'subject_key',
  }
}

function partsAreGone(schema: string): Rule {
  return {
    schema,
    name: 'no private part and no answer of an erased subject',
    invariant: 'I16',
    what: 'its subject is erased and it is still here',
    sql: `SELECT 'event_private of subject ' || subject_id AS place FROM event_private JOIN ${ERASED} USING (subject_id)
          UNION SELECT 'idempotency of subject ' || erased.subject_id
          FROM idempotency i JOIN ${ERASED} ON erased.subject_id = ANY (i.subject_ids)`,
    counted: ERASED,
  }
}

// A key that is gone without a tombstone took what it opened with it, and nobody asked for that.
function keysAreThere(schema: string): Rule {
  return {
    schema,
    name: 'every private part has its key, or a tombstone',
    invariant: 'I1',
    what: 'its key is gone and nobody erased its subject',
    sql: `SELECT DISTINCT 'key ' || p.key_id AS place FROM event_private p
          WHERE NOT EXISTS (SELECT 1 FROM subject_key k WHERE k.key_id = p.key_id)
            AND NOT EXISTS (SELECT 1 FROM tombstone t WHERE t.key_id = p.key_id)`,
    counted: 'event_private',
  }
}
