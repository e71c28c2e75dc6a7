// Seeded bugs of the witness and of the evidence that it keeps. (c2sp.md section 6.1, exactly-once.md section 6)
import type { SeededBug } from '../seeded-bug.js'

const SWAP = 'log.memory.swap(request, (known, accepted) => this.next(known, accepted, admitted))'

export const WITNESS_BUGS: readonly SeededBug[] = [
  {
    name: 'witness-answers-early',
    what: 'gives a cosignature before the witness’s memory of it is durable',
    invariants: ['I18'],
    edits: [
      {
        file: 'apps/witness/dist/witness.js',
        find: SWAP,
        replace: `new Promise((resolve, reject) => {
            log.memory.swap(request, (known, accepted) => {
                const remembered = this.next(known, accepted, admitted);
                resolve({ remembered });
                return remembered;
            }).then(resolve, reject);
        })`,
      },
    ],
    caughtBy: {
      file: 'apps/witness/src/witness.spec.ts',
      name: 'the witness > answers nothing before its memory is durable, and serves nothing that is not',
    },
  },
  {
    name: 'failed-proof-is-evidence',
    what: 'takes a consistency proof that fails for evidence of a fork',
    invariants: ['I4', 'I18'],
    edits: [
      {
        file: 'libs/ledger-core/dist/evidence.js',
        find: "return leads ? null : 'proof-fails'",
        replace: 'return null',
      },
    ],
    caughtBy: {
      file: 'libs/ledger-core/src/evidence.spec.ts',
      name: 'evidence of a fork > is not made by a proof that fails',
    },
  },
]
