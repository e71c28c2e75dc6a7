// `careseal signer retreat`: a database that was put back from an old copy lacks what the signer signed. Where no witness
// has seen that, it may be given up: the signer goes back to the largest tree that any of them reports.
import { sha256 } from '@careseal/crypto'
import { approve, logKeysAt, nothingKnown, type KnownTree } from '@careseal/ledger-core'
import { equalHashes } from '@careseal/merkle'
import { confirmHead } from '../checkpointer/confirm-head.js'
import { addressesOf } from '../cosigning/witness-policy.js'
import { loadHead } from '../database/head.js'
import { loadPublished } from '../reading/published.js'
import { StoredTree } from '../tree/stored-tree.js'
import { AdministrationRefused, genesisOf, governanceOf, type Administration } from './administration.js'
import { seenBy } from './witnesses.js'

export type RetreatReport = { size: number; root: string; abandonedSize: number; abandonedRoot: string; index: number }

/** Throws AdministrationRefused unless all witnesses answer and the database holds what the furthest of them has seen. */
export async function retreatSigner(administration: Administration): Promise<RetreatReport> {
  const { sql, signer, operators } = administration
  const genesis = await genesisOf(administration)
  const { size: publishedSize } = await loadPublished(sql)
  const { signed, retreat } = await signer.read()
  if (!('rolledBack' in (await confirmHead(sql, sha256, { signed, genesis, publishedSize })))) {
    const told = retreat ? 'the signer went back before: start the sequencer' : 'the database holds all that was signed'
    throw new AdministrationRefused('nothing-to-give-up', told)
  }
  const target = await largestSeen(administration)
  await requireThere(administration, target)
  const { treeSize: index } = await loadHead(sql)
  const data = {
    size: target.size,
    root: hexOf(target.root),
    abandonedSize: signed.size,
    abandonedRoot: hexOf(signed.root),
  }
  const admin = approve({ origin: genesis.origin, index }, { type: 'signer-retreat', data }, operators)
  const answer = await signer.retreat({ index, admin })
  if ('refused' in answer) {
    throw new AdministrationRefused(answer.refused, `the signer does not go back (${answer.refused})`)
  }
  return { ...data, index }
}

async function largestSeen(administration: Administration): Promise<KnownTree> {
  const { policy, onProgress } = administration
  if (policy.witnesses.length === 0) {
    const mend = 'begin a successor ledger (docs/operations), or restore a newer copy'
    throw new AdministrationRefused('no-witnesses', `nobody can say what was seen of the ledger: ${mend}`)
  }
  const { origin, keys } = await governanceOf(administration)
  const logVkeys = keys.filter(({ owner }) => owner === 'log').map(({ vkey }) => vkey)
  let largest = nothingKnown(sha256)
  for (const witness of addressesOf(policy)) {
    const seen = (await seenBy(witness, { origin, logVkeys })) ?? nothingKnown(sha256)
    onProgress(`${witness.name} has seen size ${seen.size}`)
    if (logKeysAt(keys, seen.size).length > 0 && seen.size > largest.size) largest = seen
  }
  return largest
}

async function requireThere({ sql }: Administration, { size, root }: KnownTree): Promise<void> {
  const { treeSize } = await loadHead(sql)
  const published = await loadPublished(sql)
  const mend = 'load a mirror of the log (careseal ledger recover), nothing of that may be given up'
  if (size > treeSize || published.size > size) {
    const seen = Math.max(size, published.size)
    throw new AdministrationRefused('seen-by-others', `size ${seen} was seen, the database holds ${treeSize}: ${mend}`)
  }
  if (size > 0 && !equalHashes(await new StoredTree(sql, sha256, size).root(), root)) {
    throw new AdministrationRefused('another-history', `the database has another root at size ${size}: ${mend}`)
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
