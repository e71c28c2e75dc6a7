// Nothing was published without its quorum, and what the witnesses hold is the ledger: none forgot, none was lied to.
import type { Entry } from '../../load/history.js'
import type { Facts, WitnessedFact, WitnessFact } from '../facts.js'
import { checkpointIn, isCosigned, isSignedBy } from '../naive-note.js'
import { NaiveTree } from '../naive.js'
import { Check, type CheckResult } from '../result.js'

/** Each checkpoint that a client was shown, and the one that is published in the end. */
export function publishedBearsQuorum(
  entries: readonly Entry[],
  { published, quorum, ...rest }: WitnessedFact,
): CheckResult {
  const check = new Check('each checkpoint that was published bears the quorum of its witnesses', ['I18'])
  const places = new Map([[published, 'the published checkpoint']])
  for (const { n, checkpoint } of entries) {
    if (checkpoint && !places.has(checkpoint.note)) places.set(checkpoint.note, `entry ${n}`)
  }
  for (const [note, where] of places) {
    const count = rest.witnesses.filter(({ vkey }) => isCosigned(note, vkey)).length
    const what = `${count} of the ${quorum} witnesses that it needs have co-signed it`
    check.expect(count >= quorum, () => ({ invariant: 'I18', what, where }))
  }
  return check.result()
}

export function witnessesHoldTheLedger(facts: Facts, witnessed: WitnessedFact): CheckResult {
  const check = new Check('what each witness holds is this ledger, and none has evidence against it', ['I4', 'I18'])
  const tree = new NaiveTree(facts.entryHashes)
  const blockEnds = new Set(facts.blocks.map(({ treeSize }) => treeSize))
  for (const witness of witnessed.witnesses) {
    const say = (invariant: string, what: string) => () => ({ invariant, what, where: witness.name })
    check.expect(
      witness.evidence === 0,
      say('I4', `it holds ${witness.evidence} proofs that the log signed two histories`),
    )
    check.expect(witness.note !== null, say('I18', 'it has co-signed nothing'))
    if (witness.note === null) continue
    const { size, root } = checkpointIn(witness.note)
    const isOfLedger = blockEnds.has(size) && tree.rootAt(size) === root
    check.expect(isOfLedger, say('I4', `no block of the ledger ends in its tree of size ${size}`))
    check.expect(bearsBoth(witness.note, witness, witnessed), say('I18', 'the log or it itself has not signed it'))
    const isBehind = isCosigned(witnessed.published, witness.vkey) && size < checkpointIn(witnessed.published).size
    check.expect(!isBehind, say('I18', `it has co-signed what is published, and remembers size ${size} alone`))
  }
  return check.result()
}

function bearsBoth(note: string, { vkey }: WitnessFact, { logVkeys }: WitnessedFact): boolean {
  return isCosigned(note, vkey) && logVkeys.some((one) => isSignedBy(note, one))
}
