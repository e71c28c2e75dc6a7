// `careseal ledger init`: begins a ledger once, durably, in steps of which a repeat takes up the first that is missing.
import { sha256 } from '@careseal/crypto'
import { verifyEd25519 } from '@careseal/cosigner'
import {
  CheckpointRefused,
  EMPTY_HEAD,
  encodeGenesis,
  firstLink,
  nothingKnown,
  parseVkey,
  readCheckpoint,
  verifyCheckpoint,
  type Genesis,
  type Policy,
} from '@careseal/ledger-core'
import { hex } from '@careseal/crypto'
import { equalHashes, TileBuilder } from '@careseal/merkle'
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { appendBlock } from '../appender/append-block.js'
import { BlockPlanner } from '../appender/block-planner.js'
import { readingPool, type Sql } from '../database/connections.js'
import { loadHead } from '../database/head.js'
import { Lease } from '../lease/lease.js'
import { formatLogKey, parseLogKey } from '../signer/log-key.js'
import { genesisOf } from '../signer/signer.js'
import { isFromBeforeTombstones, parseState, SignerFolder } from '../signer/signer-folder.js'
import { TombstoneStore } from '../signer/tombstone-store.js'
import { loadEntries } from '../tree/block-rows.js'
import { INIT_REFUSALS, planInit, type InitRefusal, type InitStep } from './init-plan.js'

export type InitOptions = {
  /** The signer's folder; made if it is missing. */
  dir: string
  origin: string
  /** Names of the producers that the genesis admits. */
  producers: readonly string[]
  /** vkeys of those who may approve administration entries. */
  operators?: readonly string[]
  /** The last witnessed checkpoint of the ledger that this one succeeds, a signed note. */
  previous?: string
  /** The policy of that ledger, whose quorum must have co-signed `previous`. */
  previousPolicy?: Policy
  /** As the service's role, after the migrations. */
  databaseUrl: string
  /** Called before each step that is done; for progress, and for tests that crash there. */
  onStep?: (step: InitStep) => void
}

export type InitResult = { origin: string; vkey: string; done: InitStep[] }

/** A ledger that cannot be begun, for something is there or missing that a crash does not explain. */
export class InitRefused extends Error {
  constructor(
    readonly code: InitRefusal | 'other-genesis' | 'other-block-0' | 'previous-not-believed',
    message: string,
  ) {
    super(message)
    this.name = 'InitRefused'
  }
}

/** Begins a ledger, or goes on where a crash left it. A ledger that is there already is checked and left alone. */
export async function initLedger(options: InitOptions): Promise<InitResult> {
  for (const operator of options.operators ?? []) parseVkey(sha256, operator)
  await requireWitnessed(options)
  const pool = readingPool(options.databaseUrl, { name: 'init', max: 2 })
  try {
    return await begin(options, pool)
  } finally {
    await pool.end()
  }
}

// A genesis names its predecessor for ever, so before anything is made. Without a policy only the form can be checked.
async function requireWitnessed({ previous, previousPolicy: policy }: InitOptions): Promise<void> {
  if (previous === undefined) return
  if (policy?.quorum === null) throw notBelieved('its policy asks no witness')
  try {
    if (policy) await verifyCheckpoint(previous, { policy }, { sha256, verifyEd25519 })
    else readCheckpoint(previous)
  } catch (error) {
    if (!(error instanceof CheckpointRefused)) throw error
    throw notBelieved(error.message)
  }
}

function notBelieved(reason: string): InitRefused {
  const told = `the checkpoint of the predecessor is refused, ${reason}`
  return new InitRefused('previous-not-believed', `${told}: give the last one that its witnesses co-signed`)
}

async function begin(options: InitOptions, sql: Sql): Promise<InitResult> {
  await mkdir(options.dir, { recursive: true, mode: 0o700 })
  const folder = new SignerFolder(options.dir)
  const files = await folder.read()
  const found = {
    state: files.state === null ? null : parseState(files.state),
    key: files.key !== null,
    genesis: files.genesis !== null,
    height: (await loadHead(sql)).height,
  }
  const plan = planInit(found)
  if ('refused' in plan) throw new InitRefused(plan.refused, INIT_REFUSALS[plan.refused])
  // If we crash after any of these, the next call finds what is done and goes on with the same key and genesis.
  for (const step of plan.steps) {
    options.onStep?.(step)
    await STEPS[step](options, folder)
  }
  return { ...(await check(options, folder, sql)), done: plan.steps }
}

const STEPS: Record<InitStep, (options: InitOptions, folder: SignerFolder) => Promise<void>> = {
  state: async (_options, folder) => {
    await TombstoneStore.create(folder.path)
    await folder.createState(nothingKnown(sha256))
  },
  key: ({ origin }, folder) => folder.createKey(formatLogKey(origin, randomBytes(32))),
  genesis: async (options, folder) => {
    const { vkey } = parseLogKey((await folder.read()).key as string)
    await folder.createGenesis(Buffer.from(encodeGenesis(genesisFor(options, vkey))).toString('utf8'))
  },
  block: async (options, folder) => {
    const files = await folder.read()
    const { vkey } = parseLogKey(files.key as string)
    await appendGenesis(options.databaseUrl, checkedGenesis(options, Buffer.from(files.genesis as string), vkey))
  },
}

function genesisFor({ origin, producers, operators = [], previous }: InitOptions, vkey: string): Genesis {
  const names = [...new Set(producers)].toSorted()
  const links = names.map((name) => [name, hex(firstLink(sha256, origin, name))] as const)
  return {
    origin,
    logKeys: [vkey],
    operators: [...operators],
    producers: Object.fromEntries(links),
    previous: previous ?? null,
  }
}

/** The genesis that is there, if it is the one that was asked for. */
function checkedGenesis(options: InitOptions, entry: Uint8Array, vkey: string): Genesis {
  const genesis = genesisOf(entry, vkey)
  if (equalHashes(encodeGenesis(genesisFor(options, vkey)), entry)) return genesis
  const told = `its origin is ${genesis.origin}, its producers are ${Object.keys(genesis.producers).join(', ')}`
  throw new InitRefused('other-genesis', `the folder holds the genesis of another ledger: ${told}`)
}

async function appendGenesis(url: string, genesis: Genesis): Promise<void> {
  const lease = await Lease.acquire({ url, durationMs: 5_000, onLost: () => {} })
  try {
    const { epoch } = lease
    const planner = new BlockPlanner({ head: EMPTY_HEAD, tiles: TileBuilder.empty(), cursors: new Map(), epoch })
    await appendBlock(lease.writer, planner.planGenesis(genesis, Math.floor(Date.now() / 1000)))
  } finally {
    await lease.release()
  }
}

async function check(options: InitOptions, folder: SignerFolder, sql: Sql): Promise<Omit<InitResult, 'done'>> {
  const files = await folder.read()
  const { vkey } = parseLogKey(files.key as string)
  const entry = Buffer.from(files.genesis as string)
  if (!isFromBeforeTombstones(files.state)) await TombstoneStore.open(folder.path)
  const { origin } = checkedGenesis(options, entry, vkey)
  const [first] = await loadEntries(sql, 0, 1)
  if (first && equalHashes(first, entry)) return { origin, vkey }
  throw new InitRefused('other-block-0', 'block 0 of the database is not the genesis of the folder')
}
