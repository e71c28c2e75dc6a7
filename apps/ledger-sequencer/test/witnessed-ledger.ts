// For specs: a ledger with three witnesses, of which two must co-sign.
import { sha256 } from '@careseal/crypto'
import { formatCheckpoint, parsePolicy, parseVkey, signNote, type Policy } from '@careseal/ledger-core'
import type { Hash } from '@careseal/merkle'
import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import type { SequencerOptions } from '../src/sequencer-options.js'
import { Signer } from '../src/signer/signer.js'
import { parseLogKey, type LogKey } from '../src/signer/log-key.js'
import { ChainWriter } from './chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { LedgerUnderTest, type RunningSequencer } from './ledger-under-test.js'
import { newOperator, submit } from './operators.js'
import { ORIGIN } from './raw-block.js'
import { policyText, WitnessDouble } from './witness-double.js'

export const QUORUM = 2

export class WitnessedLedger {
  database: LedgerDatabase
  ledger: LedgerUnderTest
  records: ChainWriter
  witnesses: WitnessDouble[]
  logKey: LogKey
  readonly operators = ['operator-1', 'operator-2'].map(newOperator)
  private keptState = ''

  get policy(): Policy {
    return parsePolicy(sha256, `log ${this.logKey.vkey}\n${policyText(this.witnesses, QUORUM)}`)
  }

  start(options: Partial<SequencerOptions> = {}): Promise<RunningSequencer> {
    return this.ledger.start({ ...this.cosigned(), ...options })
  }

  begin(options: Partial<SequencerOptions> = {}): RunningSequencer {
    return this.ledger.begin({ ...this.cosigned(), ...options })
  }

  cosigned(deadlineMs = 1_000): Pick<SequencerOptions, 'cosigning'> {
    return { cosigning: { policy: this.policy, deadlineMs, onAnswer: () => {} } }
  }

  /** Seals `count` more entries and stops. */
  async grow(count: number): Promise<void> {
    const { sequencer, deliver } = await this.start()
    await deliver(this.records.write(count))
    await sequencer.stop()
  }

  /** The log has another key from some size on, and the old one signs no more if it is retired. */
  async rotateLogKey(run: RunningSequencer, { isRetired }: { isRetired: boolean }) {
    const { ledger, operators } = this
    const { vkey: old } = this.logKey
    const newKey = await (await Signer.open(ledger.dir)).prepareKey([old])
    const added = { owner: 'log', vkey: newKey, replaces: old }
    const retired = { owner: 'log', vkey: old, reason: 'rotated' }
    await submit({ ledger, run, operators }, { type: 'key-added', data: added })
    if (isRetired) await submit({ ledger, run, operators }, { type: 'key-retired', data: retired })
    return { newKey, keyFile: `${ledger.dir}/log-${parseVkey(sha256, newKey).keyId}.key` }
  }

  /** A checkpoint that the log's key signs, whatever is in it. */
  noteOf(size: number, root: Hash): Promise<string> {
    return signNote(formatCheckpoint({ origin: ORIGIN, size, root }), this.logKey.signer)
  }

  /** Database and signer as they are now, as a snapshot of the whole machine keeps them. */
  async backUpMachine(): Promise<void> {
    await this.database.backUp()
    this.keptState = await readFile(`${this.ledger.dir}/signer-state.json`, 'utf8')
  }

  async restoreMachine(): Promise<void> {
    await this.database.restore()
    await this.restoreSigner()
  }

  async restoreSigner(): Promise<void> {
    await writeFile(`${this.ledger.dir}/signer-state.json`, this.keptState)
  }
}

/** Begins anew before each test of the file. */
export function useWitnessedLedger(): WitnessedLedger {
  const world = new WitnessedLedger()
  beforeAll(async () => {
    world.database = await startLedgerDatabase()
  })
  afterAll(() => world.database.stop())
  beforeEach(async () => {
    const vkeys = world.operators.map(({ vkey }) => vkey)
    world.ledger = await LedgerUnderTest.begin(world.database, vkeys)
    world.records = new ChainWriter(ORIGIN, 'records')
    world.logKey = parseLogKey(await readFile(`${world.ledger.dir}/log.key`, 'utf8'))
    const starting = [11, 12, 13].map((fill, i) => WitnessDouble.start(`w${i + 1}`, fill, world.logKey.vkey))
    world.witnesses = await Promise.all(starting)
  })
  afterEach(async () => {
    // Stopped first, a ledger waits for nobody any more.
    await world.ledger.end()
    await Promise.all(world.witnesses.map((witness) => witness.close()))
  })
  return world
}
