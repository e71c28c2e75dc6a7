// Seeded bugs between consent and release: decisions, permits, RecordRead. (exactly-once.md section 1, privacy.md)
import type { SeededBug } from '../seeded-bug.js'

const HEADS = 'apps/consent/dist/active-consents/active-consents.query.js'
const DECISIONS = 'apps/consent/test/decision.int.spec.ts'

export const ACCESS_BUGS: readonly SeededBug[] = [
  {
    name: 'release-before-record-read',
    what: 'opens and releases a record without waiting for its RecordRead to be committed',
    invariants: ['I13'],
    edits: [
      {
        file: 'apps/records/dist/reading/disclosure.service.js',
        find: 'await this.record(disclosure)',
        replace: 'void this.record(disclosure).catch(() => undefined)',
      },
    ],
    caughtBy: {
      file: 'apps/records/test/reading.int.spec.ts',
      name: 'reading > releases nothing when RecordRead cannot be committed',
    },
  },
  {
    name: 'permit-used-twice',
    what: 'takes a permit that has been used before',
    invariants: ['I13'],
    edits: [
      {
        file: 'apps/records/dist/access/release.js',
        find: 'SELECT unnest($1::uuid[])',
        replace: 'SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING',
      },
    ],
    caughtBy: {
      file: 'apps/records/test/reading.int.spec.ts',
      name: 'reading > uses a permit once: where consent gives it again, nothing is released',
    },
  },
  {
    name: 'joined-lock-and-read',
    what: 'locks the consent head and reads the consents in one statement, whose snapshot is older than the lock',
    invariants: ['I11'],
    edits: [
      {
        file: HEADS,
        find: 'const atMs = await lockHeads(sql, ids);',
        replace: `const joined = await sql.query(\`SELECT clock_timestamp() AS at, c.consent_id AS "consentId",
        c.version_id AS "versionId", c.patient_id AS "patientId", c.effect, c.grantees, c.purposes,
        c.period_start AS "periodStart", c.period_end AS "periodEnd", c.revision
      FROM consent_head h LEFT JOIN active_consent c USING (patient_id)
      WHERE h.patient_id = ANY ($1::uuid[]) FOR SHARE OF h\`, [ids]);
    const atMs = Math.max(0, ...joined.rows.map(({ at }) => at.getTime()));`,
      },
      {
        file: HEADS,
        find: 'const rows = await consentsOf(sql, ids);',
        replace: 'const rows = joined.rows.filter(({ consentId }) => consentId !== null);',
      },
    ],
    caughtBy: { file: DECISIONS, name: 'a revocation > that a decision had to wait for is seen by that decision' },
  },
  {
    name: 'decide-from-cache',
    what: 'decides from consents that it read for an earlier decision',
    invariants: ['I11'],
    edits: [
      {
        file: HEADS,
        find: 'await consentsOf(sql, ids)',
        replace: '((globalThis.consents ??= {})[ids.join()] ??= await consentsOf(sql, ids))',
      },
    ],
    caughtBy: {
      file: DECISIONS,
      name: 'a revocation > once acknowledged ends what was permitted a moment before',
    },
  },
]
