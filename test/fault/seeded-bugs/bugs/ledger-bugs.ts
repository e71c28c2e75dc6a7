// Seeded bugs of the sequencer, its checkpoints and its signer. (exactly-once.md sections 3, 4 and 6)
import type { SeededBug } from '../seeded-bug.js'

const APP = 'apps/ledger-sequencer'
/** SHA-256 of nothing. */
const EMPTY_ROOT = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** The condition under which a checkpoint is published. */
const MOVES_FORWARD = 'WHERE size < $1 OR (size = $1 AND note = $4)'

export const LEDGER_BUGS: readonly SeededBug[] = [
  {
    name: 'signer-answers-early',
    what: 'gives a signature before the signer’s memory of it is durable',
    invariants: ['I5', 'I10'],
    edits: [
      {
        file: 'libs/cosigner/dist/tree-memory.js',
        find: 'await remember(remembered)',
        replace: 'void remember(remembered).catch(() => undefined)',
      },
    ],
    caughtBy: {
      file: `${APP}/src/signer/signer.spec.ts`,
      name: 'the signer > signs nothing while its memory cannot be written, and mends it before it signs',
    },
  },
  {
    name: 'signer-state-created',
    what: 'makes the signer’s memory anew when it is missing',
    invariants: ['I5', 'I10'],
    edits: [
      {
        file: `${APP}/dist/signer/signer.js`,
        find: 'parseState(files.state)',
        replace: `(files.state === null
            ? (await folder.createState({ size: 0, root: Buffer.from('${EMPTY_ROOT}', 'hex') }), await folder.readState())
            : parseState(files.state))`,
      },
    ],
    caughtBy: {
      file: `${APP}/src/signer/signer.spec.ts`,
      name: 'the signer > does not open without its signer-state.json',
    },
  },
  {
    name: 'signs-without-comparing',
    what: 'signs without comparing the stored tiles to those that the entries make',
    invariants: ['I6'],
    edits: [
      {
        file: `${APP}/dist/checkpointer/checkpointer.js`,
        find: 'this.compareTiles()',
        replace: 'Promise.resolve()',
      },
    ],
    caughtBy: {
      file: `${APP}/test/not-signed.int.spec.ts`,
      name: 'what is read back before it is signed > and differs in a hash in a tile is not signed',
    },
  },
  {
    name: 'stale-epoch-accepted',
    what: 'appends for a writer whose epoch has a successor',
    invariants: ['I9'],
    edits: [
      {
        file: `${APP}/dist/migrations/append-block.sql.js`,
        find: "IF NOT FOUND THEN RAISE EXCEPTION 'FENCED",
        replace: "IF false THEN RAISE EXCEPTION 'FENCED",
      },
      {
        file: `${APP}/dist/migrations/ledger-guards.sql.js`,
        find: 'IF NEW.epoch IS DISTINCT FROM lease_epoch THEN',
        replace: 'IF false THEN',
      },
    ],
    caughtBy: {
      file: `${APP}/test/append-block.int.spec.ts`,
      name: 'appending a block > is fatal for a writer whose epoch has passed',
    },
  },
  {
    name: 'epoch-not-checked',
    what: 'renews its lease without a look whether its epoch still holds it',
    invariants: ['I9'],
    edits: [
      {
        file: `${APP}/dist/lease/lease.js`,
        find: 'if (renewed.rowCount === 1)',
        replace: 'if (renewed.rowCount !== null)',
      },
    ],
    caughtBy: {
      file: `${APP}/test/lease.int.spec.ts`,
      name: 'the lease > notices a successor that it did not hear of',
    },
  },
  {
    name: 'stopped-writer-spared',
    what: 'takes over without ending the connections of a writer that stands still',
    invariants: ['I9', 'I20'],
    edits: [
      {
        file: `${APP}/dist/lease/lease.js`,
        find: 'SELECT pg_terminate_backend(pid) FROM',
        replace: 'SELECT pid FROM',
      },
    ],
    caughtBy: {
      file: `${APP}/test/lease.int.spec.ts`,
      name: 'the lease > of a holder that is stopped inside its append passes within seconds, though its statement would go on',
    },
  },
  {
    name: 'old-word-of-the-signer',
    what: 'builds, after a long wait for the lease, on what the signer said before it',
    invariants: ['I10', 'I20'],
    edits: [
      {
        file: `${APP}/dist/sequencer.js`,
        find: 'const facts = await this.patiently(() => signer.read());',
        replace: 'const facts = first;',
      },
    ],
    caughtBy: {
      file: `${APP}/test/signer-service.int.spec.ts`,
      name: 'a standby > that has waited for the lease asks the signer again, and goes on from what it signed meanwhile',
    },
  },
  {
    name: 'retired-key-believed',
    what: 'believes a key of the log beyond the size at which the ledger retired it',
    invariants: ['I5'],
    edits: [
      {
        file: 'libs/ledger-core/dist/governance.js',
        find: '(untilSize === null || size <= untilSize)',
        replace: '(untilSize === null || untilSize >= 0)',
      },
    ],
    caughtBy: {
      file: 'libs/ledger-core/src/governance.spec.ts',
      name: 'a ledger whose key was rotated > is signed by old and new in between, and by the new one alone after',
    },
  },
  {
    name: 'link-not-followed',
    what: 'seals leaves whose link does not continue their producer’s chain',
    invariants: ['I2', 'I7'],
    edits: [
      {
        file: `${APP}/dist/appender/block-planner.js`,
        find: 'if (hex(link) !== lastLink)',
        replace: 'if (false)',
      },
    ],
    caughtBy: {
      file: `${APP}/test/sequencer.int.spec.ts`,
      name: 'the sequencer > ends rather than seal a leaf whose link does not fit',
    },
  },
  {
    name: 'starts-without-witnesses',
    what: 'signs in a new epoch without having asked the witnesses',
    invariants: ['I5', 'I10'],
    edits: [
      {
        file: `${APP}/dist/sequencer.js`,
        find: 'await this.hearWitnesses({ signer, facts, genesis, cosigning, publishedSize })',
        replace: '{ signed: facts.signed, round: null }',
      },
    ],
    caughtBy: {
      file: `${APP}/test/witnesses-at-start.int.spec.ts`,
      name: 'at start > a machine that was restored as a whole is found out by its witnesses: nothing is appended, nothing signed',
    },
  },
  {
    name: 'published-moves-back',
    what: 'publishes a smaller checkpoint after a larger one',
    invariants: ['I8'],
    edits: [
      {
        file: `${APP}/dist/reading/published.js`,
        find: MOVES_FORWARD,
        replace: 'WHERE size <> $1 OR note = $4',
      },
      {
        file: `${APP}/dist/migrations/ledger-guards.sql.js`,
        find: 'NEW.size < OLD.size OR NEW.cosigned_at',
        replace: 'NEW.cosigned_at',
      },
    ],
    caughtBy: {
      file: `${APP}/test/published.int.spec.ts`,
      name: 'the published checkpoint > never goes back, whoever comes late',
    },
  },
  {
    name: 'same-size-replaced',
    what: 'publishes a checkpoint that was co-signed before the one of its size that stands',
    invariants: ['I8'],
    edits: [
      {
        file: `${APP}/dist/reading/published.js`,
        find: MOVES_FORWARD,
        replace: 'WHERE size <= $1 AND $4::text IS NOT NULL',
      },
    ],
    caughtBy: {
      file: `${APP}/test/deposed.int.spec.ts`,
      name: 'a deposed sequencer > that stood still while its successor published the same size replaces nothing, and learns what stands',
    },
  },
  {
    name: 'proof-from-memory',
    what: 'takes the proof of consistency from tiles that it has read before',
    invariants: ['I6'],
    edits: [
      {
        file: `${APP}/dist/checkpointer/checkpointer.js`,
        find: 'new StoredTree(sql, sha256, size)',
        replace: 'new StoredTree(sql, sha256, size, (this.tilesRead ??= new Map()))',
      },
    ],
    caughtBy: {
      file: `${APP}/test/not-signed.int.spec.ts`,
      name: 'the proof of consistency > is made of what is stored now, so what changed beneath an old checkpoint is found before the next',
    },
  },
]
