// Decides what is left to do when a ledger is begun, from what is there. A crash in the middle is told from a loss by the
// order in which things are made: signer state, key, genesis, block 0. Whatever lacks an earlier one has lost it.

export type Found = {
  state: { size: number } | null
  key: boolean
  genesis: boolean
  /** −1 when the database holds no block. */
  height: number
}

export type InitStep = 'state' | 'key' | 'genesis' | 'block'
export type InitPlan = { steps: InitStep[] } | { refused: InitRefusal }
export type InitRefusal = 'signer-state-missing' | 'key-missing' | 'genesis-missing' | 'blocks-missing'

export const INIT_REFUSALS: Record<InitRefusal, string> = {
  'signer-state-missing': 'there is a ledger, but the signer state is missing: restore it, a new one would forget',
  'key-missing': "there is a ledger, but the log's key is missing: restore it",
  'genesis-missing': 'there is a ledger, but its genesis is missing: restore it',
  'blocks-missing': 'the signer has signed, but the database is empty: restore it, or take a new folder and origin',
}

export function planInit({ state, key, genesis, height }: Found): InitPlan {
  const hasBlocks = height >= 0
  if (!state && (key || genesis || hasBlocks)) return { refused: 'signer-state-missing' }
  if (!key && (genesis || hasBlocks || signedBy(state))) return { refused: 'key-missing' }
  if (!genesis && (hasBlocks || signedBy(state))) return { refused: 'genesis-missing' }
  if (!hasBlocks && signedBy(state)) return { refused: 'blocks-missing' }
  const missing: [boolean, InitStep][] = [
    [!state, 'state'],
    [!key, 'key'],
    [!genesis, 'genesis'],
    [!hasBlocks, 'block'],
  ]
  return { steps: missing.filter(([is]) => is).map(([, step]) => step) }
}

function signedBy(state: Found['state']): boolean {
  return state !== null && state.size > 0
}
