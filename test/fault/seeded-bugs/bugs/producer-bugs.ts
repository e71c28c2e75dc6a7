// Seeded bugs of a producer: its transactions, its outbox, its read models. (exactly-once.md sections 1 and 2)
import type { SeededBug } from '../seeded-bug.js'

const DIST = 'libs/event-store/dist'
const SRC = 'libs/event-store/src'

const OPENINGS = 'append > gives each event an opening of its own, in one batch and over many'
const LATE = 'numbering > loses nothing that commits late: an event that got its key first is numbered when it commits'

export const PRODUCER_BUGS: readonly SeededBug[] = [
  {
    name: 'acknowledge-before-commit',
    what: 'answers while COMMIT is still under way',
    invariants: ['I1'],
    edits: [
      {
        file: `${DIST}/transaction.js`,
        find: 'runner.commitTransaction()',
        replace: "Promise.resolve(void sql.query('COMMIT').catch(() => undefined))",
      },
    ],
    caughtBy: {
      file: `${SRC}/transaction.int.spec.ts`,
      name: 'a transaction > is answered only once its COMMIT is done',
    },
  },
  {
    name: 'number-by-id',
    what: 'takes the event key for a cursor, so an event that commits late is never numbered',
    invariants: ['I1'],
    edits: [
      {
        file: `${DIST}/numbering.js`,
        find: 'FROM outbox ORDER BY event_pk',
        replace:
          'FROM outbox WHERE event_pk > coalesce((SELECT max(event_pk) FROM outbox_numbered), 0) ORDER BY event_pk',
      },
    ],
    caughtBy: { file: `${SRC}/numbering.int.spec.ts`, name: LATE },
  },
  {
    name: 'number-by-transaction-id',
    what: 'numbers in the order in which transactions began, so a revocation can precede its grant',
    invariants: ['I7'],
    edits: [
      {
        file: `${DIST}/numbering.js`,
        find: 'await takeFromOutbox(sql, limit)',
        replace: `await (async (taken) => {
        const keys = taken.map((row) => row.event_pk);
        const found = await sql.query('SELECT pk, xmin FROM event WHERE pk = ANY ($1::bigint[])', [keys]);
        const begun = new Map(found.rows.map((row) => [row.pk, Number(row.xmin)]));
        return taken.toSorted((a, b) => begun.get(a.event_pk) - begun.get(b.event_pk));
    })(await takeFromOutbox(sql, limit))`,
      },
    ],
    caughtBy: {
      file: `${SRC}/numbering.int.spec.ts`,
      name: 'numbering > keeps a stream’s order where the transaction that began first appends last',
    },
  },
  {
    name: 'cursor-before-commit',
    what: 'commits a projection’s position before the transaction that changes the model',
    invariants: ['I20'],
    edits: [
      {
        file: `${DIST}/projection-runner.js`,
        find: 'this.options.apply(tx, fresh)',
        replace: [
          'this.savePosition(tx.sql, position)',
          ".then(() => tx.sql.query('COMMIT'))",
          ".then(() => tx.sql.query('BEGIN'))",
          '.then(() => this.options.apply(tx, fresh))',
        ].join(''),
      },
    ],
    caughtBy: {
      file: `${SRC}/projection-runner.int.spec.ts`,
      name: 'a projection > leaves position and model alone when apply fails',
    },
  },
  {
    name: 'salt-reused',
    what: 'commits to all events with one opening, so who learns one can guess at the others',
    invariants: ['I15'],
    edits: [
      {
        file: `${DIST}/event-store.js`,
        find: 'const opening = randomBytes(32)',
        replace: 'const opening = (this.salt ??= randomBytes(32))',
      },
    ],
    caughtBy: { file: `${SRC}/event-store.int.spec.ts`, name: OPENINGS },
  },
  {
    name: 'idempotency-after-work',
    what: 'looks for the idempotency key first and stores it after the work, so two requests both do it',
    invariants: ['I19'],
    edits: [
      {
        file: `${DIST}/idempotency.js`,
        find: 'const { rowCount } = await sql.query(`INSERT INTO idempotency AS i',
        replace: `const known = await sql.query('SELECT FROM idempotency WHERE actor = $1 AND key = $2', [request.actor, request.key]);
    if (known.rowCount === 0)
        return 'new';
    const { rowCount } = await sql.query(\`INSERT INTO idempotency AS i`,
      },
      {
        file: `${DIST}/idempotency.js`,
        find: 'const { rowCount } = await sql.query(`UPDATE idempotency SET answers',
        replace: `await sql.query(\`INSERT INTO idempotency (actor, key, subject_ids, request_mac, expires_at)
      VALUES ($1, $2, $3, $4, now() + interval '24 hours') ON CONFLICT DO NOTHING\`,
      [request.actor, request.key, request.subjectIds ?? [], Buffer.from(request.mac ?? [])]);
    const { rowCount } = await sql.query(\`UPDATE idempotency SET answers`,
      },
    ],
    caughtBy: {
      file: `${SRC}/idempotency.int.spec.ts`,
      name: 'an idempotency key > gives one event and the same answer, to concurrent requests as to later ones',
    },
  },
  {
    name: 'serves-unconfirmed',
    what: 'answers before the ledger has confirmed that the producer was not rolled back',
    invariants: ['I21'],
    edits: [
      {
        file: 'libs/nest-event-store/dist/producer/producer-guard.service.js',
        find: "if (this.current === 'serving')",
        replace: "if (this.current !== 'rolled-back')",
      },
    ],
    caughtBy: {
      file: 'libs/nest-event-store/src/nest-event-store.int.spec.ts',
      name: 'a producer > serves nothing and numbers nothing until the ledger has confirmed it',
    },
  },
]
